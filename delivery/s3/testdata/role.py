"""Prepares a moto: a bucket, a user who may do nothing but assume a role, and the role, which may do all in the bucket and
asks for an external id. From then on moto checks signatures and policies. Prints the user's keys."""

import json
import sys
import urllib.request

import boto3

endpoint, external_id = sys.argv[1:]
settings = dict(endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
boto3.client("s3", **settings).create_bucket(Bucket="lake")
iam = boto3.client("iam", **settings)


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


user = iam.create_user(UserName="node")["User"]["Arn"]
iam.put_user_policy(UserName="node", PolicyName="p", PolicyDocument=policy(Action="sts:AssumeRole", Resource="*"))
trust = policy(
    Action="sts:AssumeRole", Principal={"AWS": user}, Condition={"StringEquals": {"sts:ExternalId": external_id}}
)
iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=trust)
everything = policy(Action="s3:*", Resource=["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"])
iam.put_role_policy(RoleName="delivery", PolicyName="p", PolicyDocument=everything)
key = iam.create_access_key(UserName="node")["AccessKey"]
print(key["AccessKeyId"], key["SecretAccessKey"])
plain = {"Content-Type": "text/plain"}
urllib.request.urlopen(urllib.request.Request(endpoint + "/moto-api/reset-auth", data=b"0", headers=plain))
