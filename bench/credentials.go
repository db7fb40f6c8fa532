package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/valyala/fasthttp"
)

// Credentials say how requests show who sends them. Secrets come from the environment, never from the command line,
// which every user of the machine can read.
type Credentials struct {
	Sign   bool   `help:"Sign requests of the Firehose API with the credentials of the AWS default chain."`
	APIKey string `name:"api-key" placeholder:"VARIABLE" help:"Environment variable that holds the API key to send with requests of the native API."`
}

// An authorizer completes a request by credentials. It may be called from many goroutines at once, each with its request.
type authorizer func(request *fasthttp.Request, body []byte) error

func (o *Options) checkCredentials() error {
	if o.Sign && o.API != Firehose {
		return errors.New("sign: only requests of the Firehose API are signed; add --api firehose")
	}
	if o.APIKey != "" && o.API != Native {
		return errors.New("api-key: only the native API takes API keys; use --sign with the Firehose API")
	}
	if o.APIKey != "" && os.Getenv(o.APIKey) == "" { // what was given may be the key itself: it is not repeated
		return errors.New("api-key: the environment has no variable of the name given; the flag takes a variable's name, not the key")
	}
	return nil
}

func (c *connection) authorized(body []byte) error {
	if c.authorize == nil {
		return nil
	}
	return c.authorize(&c.request, body)
}

// authorizer is nil where requests go without credentials.
func (c Credentials) authorizer() (authorizer, error) {
	ctx := context.Background() // a chain gives up by itself
	switch {
	case c.APIKey != "":
		value := "Bearer " + os.Getenv(c.APIKey)
		return func(request *fasthttp.Request, _ []byte) error {
			request.Header.Set(fasthttp.HeaderAuthorization, value)
			return nil
		}, nil
	case c.Sign:
		chain, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		if _, err := chain.Credentials.Retrieve(ctx); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		return signing(chain), nil
	}
	return nil, nil
}

// signing signs as AWS's SDKs do, by their own signer.
func signing(chain aws.Config) authorizer {
	if chain.Region == "" {
		chain.Region = "us-east-1"
	}
	signer := v4.NewSigner()
	return func(request *fasthttp.Request, body []byte) error {
		ctx := context.Background() // the chain's credentials are at hand; only temporary ones are ever fetched again
		key, err := chain.Credentials.Retrieve(ctx)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		u, err := url.Parse(string(request.URI().FullURI()))
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		signed := &http.Request{Method: http.MethodPost, URL: u, ContentLength: int64(len(body)), Header: http.Header{}}
		for _, name := range []string{"Content-Type", "X-Amz-Target"} {
			signed.Header.Set(name, string(request.Header.Peek(name)))
		}
		hash := sha256.Sum256(body)
		if err := signer.SignHTTP(ctx, key, signed, hex.EncodeToString(hash[:]), "firehose", chain.Region, time.Now()); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		for name, values := range signed.Header {
			request.Header.Set(name, values[0])
		}
		return nil
	}
}
