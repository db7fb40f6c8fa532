package console

import (
	"embed"
	"io/fs"
	"net/http"

	"hydrant/bench/uplot"
)

//go:embed page
var files embed.FS

// policy lets the page load nothing but its own files, and nobody put it in a frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (c *Console) routes() http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic("console: the page is not embedded: " + err.Error())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "index.html") })
	mux.Handle("GET /console/page/", http.StripPrefix("/console/page/", http.FileServerFS(page)))
	mux.Handle("GET /console/page/uplot.js", text("text/javascript; charset=utf-8", uplot.Script))
	mux.Handle("GET /console/page/uplot.css", text("text/css; charset=utf-8", uplot.Styles))

	mux.HandleFunc("GET /console/events", c.serveEvents)
	mux.HandleFunc("GET /console/overview", c.serveOverview)
	mux.HandleFunc("GET /console/node", c.serveNode)
	mux.HandleFunc("GET /streams/{name}/errors", c.seen(c.serveErrors))
	mux.HandleFunc("GET /console/streams/{name}", c.seen(c.serveStream))
	mux.HandleFunc("GET /console/streams/{name}/failed", c.seen(c.serveFailed))
	mux.HandleFunc("POST /console/streams/{name}/try", c.seen(c.serveTry))
	mux.HandleFunc("POST /console/streams/{name}/send", c.writes(c.serveSend))
	mux.HandleFunc("GET /console/records/{id}", c.serveJourney)

	mux.HandleFunc("GET /console/rights", c.serveRights)
	mux.HandleFunc("GET /console/streams/{name}/rights", c.serveRights)
	mux.HandleFunc("POST /console/call/{operation}", c.serveCall)
	mux.HandleFunc("POST /console/draft/{operation}", c.writes(c.serveDraft))
	mux.HandleFunc("POST /console/streams/{name}/flush", c.writes(c.serveFlush))
	mux.HandleFunc("GET /console/streams/{name}/replay", c.serveReplayState)
	mux.HandleFunc("POST /console/streams/{name}/replay/{what}", c.writes(c.serveReplay))
	return guarded(mux)
}

func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}
}
