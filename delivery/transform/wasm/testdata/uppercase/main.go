// Command uppercase is a function for Hydrant as a module of WebAssembly: it reads a request from standard input and writes
// the response to standard output. Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -o uppercase.wasm .
package main

import (
	"bytes"
	"encoding/json"
	"os"
)

type record struct {
	RecordID string `json:"recordId"`
	Result   string `json:"result"`
	Data     []byte `json:"data"`
}

func main() {
	var request struct{ Records []record }
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		panic(err)
	}
	for i := range request.Records {
		r := &request.Records[i]
		switch string(r.Data) {
		case "loop": // for ever, to show that it is ended
			for {
			}
		case "bomb": // takes memory, to show that it is bounded
			var all [][]byte
			for {
				all = append(all, make([]byte, 1<<20))
			}
		case "exit":
			os.Exit(3)
		}
		r.Data, r.Result = bytes.ToUpper(r.Data), "Ok"
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"records": request.Records}); err != nil {
		panic(err)
	}
}
