package native

import _ "embed"

// Description is the API in OpenAPI's form, served at descriptionPath.
//
//go:embed openapi.yaml
var Description []byte

const descriptionPath = "/v1/openapi.yaml"
