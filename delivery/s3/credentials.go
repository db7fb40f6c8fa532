package s3

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// stale are the codes of answers that other credentials may mend.
var stale = map[string]bool{
	"AuthFailure":           true,
	"ExpiredToken":          true,
	"ExpiredTokenException": true,
	"InvalidAccessKeyId":    true,
	"InvalidClientTokenId":  true,
	"InvalidToken":          true,
	"SignatureDoesNotMatch": true,
	"TokenRefreshRequired":  true,
	"XAdminUserNotFound":    true, // versitygw's
}

// credentialChain gives the credentials of the AWS default chain. That caches them, and reads a shared file only once in its
// life, so it is made anew after the store refused what it gave: somebody may have rotated them.
type credentialChain struct {
	load func(ctx context.Context) (aws.CredentialsProvider, error)

	mu      sync.Mutex
	current aws.CredentialsProvider // nil: to be loaded
}

// Retrieve implements aws.CredentialsProvider.
func (c *credentialChain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	provider, err := c.provider(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return provider.Retrieve(ctx)
}

func (c *credentialChain) provider(ctx context.Context) (aws.CredentialsProvider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		loaded, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		c.current = loaded
	}
	return c.current, nil
}

// Invalidate has them fetched anew.
func (c *credentialChain) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = nil
}

// judge looks at a refusal. An answer to HEAD has no code, and may mean the same.
func (d *Destination) judge(status int, code string) {
	known := code != "" && code != http.StatusText(http.StatusForbidden)
	if stale[code] || status == http.StatusForbidden && !known {
		if c, ok := d.credentials.(interface{ Invalidate() }); ok {
			c.Invalidate()
		}
	}
}

// signer signs as S3 wants it: a path is escaped once. The SDK's own keeps for a day what it derived of an access key's secret,
// and would go on with that after the secret was corrected.
type signer struct {
	mu     sync.Mutex
	secret string
	of     *v4.Signer // of that secret; nil before the first
}

// SignHTTP implements sdk.HTTPSignerV4.
func (s *signer) SignHTTP(ctx context.Context, keys aws.Credentials, r *http.Request, hash, service, region string, at time.Time, options ...func(*v4.SignerOptions)) error {
	return s.signerOf(keys.SecretAccessKey).SignHTTP(ctx, keys, r, hash, service, region, at, options...)
}

func (s *signer) signerOf(secret string) *v4.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || s.secret != secret {
		s.of = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		s.secret = secret
	}
	return s.of
}
