// Package publishedfragment reads the operation [Name] as the vendor published it, from
// the copy in tests/testdata. It shares no code with the pipeline, so that tests can
// check the pipeline's results against it.
package publishedfragment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Path is the place of the fragment in the module.
const Path = "tests/testdata/published/openapi-fragment.txt"

// Name is the operation's name in openapi/operations.yaml.
const Name = "listMTLSCertificateAssociations"

// Operation is the published operation.
type Operation struct {
	Path, Method string
	*openapi3.Operation
}

// Read reads the fragment of the module in root: five lines of text, then JSON
// values one after the other.
func Read(root string) (*Operation, error) {
	data, err := os.ReadFile(filepath.Join(root, Path))
	if err != nil {
		return nil, err
	}
	lines := strings.SplitN(string(data), "\n", 6)
	if len(lines) != 6 {
		return nil, fmt.Errorf("%s: %d lines", Path, len(lines))
	}
	var plans, permissions, parameters, body, responses, security json.RawMessage
	values := json.NewDecoder(strings.NewReader(lines[5]))
	for _, to := range []*json.RawMessage{&plans, &permissions, &parameters, &body, &responses, &security} {
		if err := values.Decode(to); err != nil {
			return nil, fmt.Errorf("%s: %w", Path, err)
		}
	}
	if _, err := values.Token(); !errors.Is(err, io.EOF) || !bytes.Equal(body, []byte("null")) {
		return nil, fmt.Errorf("%s: not the fragment that this package knows", Path)
	}
	document, err := json.Marshal(map[string]any{
		"openapi": "3.0.3",
		"info":    map[string]string{"title": "published", "version": "1"},
		"paths": map[string]any{lines[1]: map[string]any{lines[2]: map[string]any{
			"operationId": lines[4], "parameters": parameters, "responses": responses, "security": security,
		}}},
	})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Path, err)
	}
	method := strings.ToUpper(lines[2])
	return &Operation{Path: lines[1], Method: method, Operation: doc.Paths.Value(lines[1]).GetOperation(method)}, nil
}

// schema returns the published schema for a status.
func (o *Operation) schema(status int) *openapi3.Schema {
	return o.Responses.Status(status).Value.Content.Get("application/json").Schema.Value
}
