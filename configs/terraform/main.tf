# A stream of Hydrant's, made by Terraform with the aws provider.
#
#   export AWS_ACCESS_KEY_ID=OPERATE2026A AWS_SECRET_ACCESS_KEY=...    a pair of the node's credentials.yaml, who may manage team-*
#   terraform init && terraform apply
#
# The node needs api_streams in its configuration: it says where the buckets are, and which region and account are in ARNs.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "us-east-1" # as api_streams.region

  # A node answers for Firehose alone: nothing asks AWS who the credentials are.
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    firehose = "http://127.0.0.1:8080"
  }
}

resource "aws_kinesis_firehose_delivery_stream" "clicks" {
  name        = "team-clicks"
  destination = "extended_s3"

  extended_s3_configuration {
    bucket_arn = "arn:aws:s3:::lake"
    role_arn   = "arn:aws:iam::000000000000:role/delivery" # as api_streams.role says: assumed, or ignored

    buffering_size     = 64 # MiB, for each customer
    buffering_interval = 60 # seconds
    compression_format = "GZIP"

    prefix              = "clicks/customer=!{partitionKeyFromQuery:customer}/dt=!{timestamp:yyyy-MM-dd}/"
    error_output_prefix = "errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"

    dynamic_partitioning_configuration {
      enabled = true
    }

    processing_configuration {
      enabled = true

      processors {
        type = "MetadataExtraction"
        parameters {
          parameter_name  = "JsonParsingEngine"
          parameter_value = "JQ-1.6"
        }
        parameters {
          parameter_name  = "MetadataExtractionQuery"
          parameter_value = "{customer: .customer.id}"
        }
      }

      processors {
        type = "AppendDelimiterToRecord"
        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
        }
      }
    }
  }

  tags = {
    team = "web"
  }
}
