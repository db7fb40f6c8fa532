package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// serveErrors answers with what went wrong with a stream's delivery lately.
func serveErrors(find func(stream string) (errors any, known bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		errors, known := find(name)
		if !known {
			http.Error(w, fmt.Sprintf("there is no stream %q", name), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(errors) // the operator may have gone
	}
}
