// Package published cuts the operations of the list out of a document of the vendor,
// each with all that it refers to. The document may lack some operations. The package
// also reads the stored documents from openapi/, and the records of their origin in
// provenance.json. It limits the size of a document, and refuses external references.
package published

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Import is the result of Take.
type Import struct {
	Texts   map[string]Text // of the listed operations in the document, by name
	Missing spec.Operations // listed operations that the document lacks

	SourceSHA256                     string // of the source as it was given
	Title, Version, OpenAPI, License string // as the source says; empty if it does not
}

// Text is the published text of one operation.
type Text struct {
	Document spec.Object
	Encoded  []byte   // Document as it is stored
	LeftOut  []string // JSON pointers of the parts left out of Document
}

// Take cuts the operations ops out of a document as published (JSON or YAML, plain or
// gzip). Errors begin with name. A document without any of the operations is refused.
func Take(name string, source []byte, ops spec.Operations) (*Import, error) {
	data, err := unpack(name, source)
	if err != nil {
		return nil, err
	}
	doc, err := spec.Decode(name, data)
	if err != nil {
		return nil, err
	}
	info, ok := doc["info"].(spec.Object)
	if !ok {
		return nil, fmt.Errorf("%s: /info: missing, or not an object", name)
	}
	taken := &Import{
		Texts: map[string]Text{}, SourceSHA256: Sum(source),
		Title: spec.Text(info, "title"), Version: spec.Text(info, "version"), OpenAPI: spec.Text(doc, "openapi"),
		License: spec.Text(spec.Child(info, "license"), "name"),
	}
	var notFound error
	for _, op := range ops {
		found, err := op.Find(doc)
		if errors.Is(err, spec.ErrNotFound) {
			taken.Missing = append(taken.Missing, op)
			notFound = cmp.Or(notFound, err)
			continue
		}
		if err == nil {
			taken.Texts[op.Name], err = cut(doc, found)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(taken.Texts) == 0 {
		return nil, fmt.Errorf("%s: %w; nor is any other operation of the list", name, notFound)
	}
	return taken, nil
}

// maxSource limits a source, after decompression if it is compressed. The vendor's
// documents have 4 to 12 MB.
const maxSource = 32 << 20

func unpack(name string, source []byte) ([]byte, error) {
	if bytes.HasPrefix(source, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(source))
		if err == nil {
			source, err = io.ReadAll(io.LimitReader(r, maxSource+1))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: gzip: %w", name, err)
		}
	}
	if len(source) > maxSource {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxSource)
	}
	return source, nil
}
