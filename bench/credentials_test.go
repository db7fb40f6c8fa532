package bench

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/valyala/fasthttp"
)

func TestCredentialOptions(t *testing.T) {
	t.Setenv("BENCH_KEY", "the key")
	for _, x := range []struct {
		api         string
		credentials Credentials
		want        string
	}{
		{Native, Credentials{APIKey: "BENCH_KEY"}, ""},
		{Firehose, Credentials{Sign: true}, ""},
		{Native, Credentials{Sign: true}, "sign: "},
		{Firehose, Credentials{APIKey: "BENCH_KEY"}, "api-key: only the native"},
		{Native, Credentials{APIKey: "hydrant_secret"}, "api-key: the environment has no variable"},
	} {
		o := DefaultOptions()
		o.API, o.Credentials = x.api, x.credentials
		err := o.Validate()
		if (err != nil) != (x.want != "") || err != nil && !strings.HasPrefix(err.Error(), x.want) {
			t.Errorf("%+v with %s: got %v, want %q", x.credentials, x.api, err, x.want)
		}
		if err != nil && strings.Contains(err.Error(), "hydrant_secret") {
			t.Errorf("what may be a key is shown: %v", err)
		}
	}
}

func TestAuthorizers(t *testing.T) {
	t.Setenv("BENCH_KEY", "the key")
	var request fasthttp.Request
	request.SetRequestURI("http://127.0.0.1:8080/")
	authorize, err := Credentials{APIKey: "BENCH_KEY"}.authorizer()
	if err != nil {
		t.Fatal(err)
	}
	if err := authorize(&request, nil); err != nil || string(request.Header.Peek("Authorization")) != "Bearer the key" {
		t.Errorf("got %s, error %v", &request.Header, err)
	}
	sign := signing(aws.Config{Credentials: aws.CredentialsProviderFunc(staticKey), Region: "eu-west-1"})
	for range 2 { // a connection's request is used again and again
		if err := sign(&request, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	header := string(request.Header.Header())
	for _, want := range []string{"/eu-west-1/firehose/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target", "X-Amz-Security-Token: token", "X-Amz-Date: "} {
		if strings.Count(header, want) != 1 {
			t.Errorf("%q is not there once in\n%s", want, header)
		}
	}
	if authorize, err := (Credentials{}).authorizer(); authorize != nil || err != nil {
		t.Errorf("without credentials: got an authorizer, error %v", err)
	}
}

func staticKey(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "ID", SecretAccessKey: "secret", SessionToken: "token"}, nil
}
