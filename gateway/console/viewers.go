package console

import (
	"errors"
	"net/http"
	"slices"
)

// Viewers says who may see what. The value of the request's Authorization header is passed on. Where no credentials are
// asked for, everybody sees everything. Errors of type *Refusal are answered with their status.
type Viewers interface {
	// Look calls does for whoever may see some stream; sees tells of each whether it is one of them, until does returns.
	Look(authorization string, does func(sees func(stream string) bool)) error
	// MaySee says whether a stream and its records may be shown. It answers the same whether the stream exists or not.
	MaySee(stream, authorization string) error
}

// Refusal is why nothing is shown.
type Refusal struct {
	Status int // 401 where it is not known who asks
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// refuse says why nothing is shown.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusForbidden
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		status = refusal.Status
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, err.Error(), status)
}

// seen lets a request through whose sender may see the stream that the path names.
func (c *Console) seen(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := c.deps.Viewers.MaySee(r.PathValue("name"), r.Header.Get("Authorization")); err != nil {
			refuse(w, err)
			return
		}
		next(w, r)
	}
}

// look returns the last overview as JSON, with the streams that whoever asks may see, and a channel that is closed when
// there is a newer one.
func (c *Console) look(authorization string) (text []byte, changed <-chan struct{}, err error) {
	view, text, changed := c.latest()
	err = c.deps.Viewers.Look(authorization, func(sees func(string) bool) {
		if streams := slices.DeleteFunc(slices.Clone(view.Streams), func(s streamLine) bool { return !sees(s.Name) }); len(streams) < len(view.Streams) {
			view.Streams, text = streams, nil
		}
	})
	if err != nil {
		return nil, nil, err
	}
	if text == nil {
		text = encode(view)
	}
	return text, changed, nil
}
