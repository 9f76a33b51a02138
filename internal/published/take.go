// Package published imports the vendor's documents, whole or in part, into openapi/. It
// stores a document for each operation of the list, with the objects that the operation
// refers to, and records their origin in provenance.json.
//
// References to other documents are not read, and the size of a document is limited.
package published

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Import is the result of Take.
type Import struct {
	Texts   map[string]Text   // of the listed operations in the document, by name
	Missing spec.Operations   // listed operations that the document lacks
	Titles  map[string]string // method and path of each operation of the document, by its operationId

	SourceSHA256            string // of the source as it was given
	Title, Version, OpenAPI string // as the source says
	License                 string // SPDX id of the licence that the source names, or NoAssertion
	LicenseText             string // the licence as the source names it
}

// Text is the published text of one operation.
type Text struct {
	Document spec.Object
	Encoded  []byte   // Document as it is stored
	LeftOut  []string // JSON pointers of the parts left out of Document
}

// Take cuts the operations ops out of a document as published (JSON or YAML, plain or
// gzip). Errors call the document name. A document without any of the operations is
// refused.
func Take(name string, source []byte, ops spec.Operations) (*Import, error) {
	data, err := unpack(name, source)
	if err != nil {
		return nil, err
	}
	doc, err := spec.Decode(name, data)
	if err != nil {
		return nil, err
	}
	if err := normalize.CheckVersion(doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	info, ok := doc["info"].(spec.Object)
	if !ok {
		return nil, fmt.Errorf("%s: /info: missing", name)
	}
	taken := &Import{
		Texts: map[string]Text{}, Titles: map[string]string{}, SourceSHA256: Sum(source),
		Title: spec.Text(info, "title"), Version: spec.Text(info, "version"), OpenAPI: spec.Text(doc, "openapi"),
	}
	taken.License, taken.LicenseText = license(info)
	for found := range spec.All(doc) {
		if id, ok := found.Operation["operationId"].(string); ok {
			taken.Titles[id] = found.Title()
		}
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

// maxSource limits a source before and after decompression. The vendor's documents
// have 4 to 12 MB.
const maxSource = 32 << 20

// unpack decompresses a source that is compressed with gzip.
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

// NoAssertion is the SPDX value for an unknown licence.
const NoAssertion = "NOASSERTION"

// licences are the SPDX ids of common licences.
var licences = []string{"BSD-3-Clause", "BSD-2-Clause", "Apache-2.0", "MIT", "ISC", "MPL-2.0", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"}

var (
	// fillWords is text in the name of a licence that is not part of its SPDX id.
	fillWords = regexp.MustCompile(`(?i)\b(the|new|license|licence|version)\b|[^a-z0-9]+`)
	// spdxID is the syntax of an SPDX id.
	spdxID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$`)
)

// ValidLicense reports whether id has the syntax of an SPDX licence id.
func ValidLicense(id string) bool { return spdxID.MatchString(id) }

// license returns the SPDX id of the licence in info, and its name as given.
func license(info spec.Object) (id, text string) {
	object := spec.Child(info, "license")
	text = spec.Text(object, "name")
	if identifier := spec.Text(object, "identifier"); ValidLicense(identifier) {
		return identifier, text
	}
	for _, id := range licences {
		if strings.EqualFold(fillWords.ReplaceAllString(text, ""), fillWords.ReplaceAllString(id, "")) {
			return id, text
		}
	}
	return NoAssertion, text
}
