// Package published imports the vendor's documents, whole or in part, into openapi/. It
// stores a document for each operation of the list, with the objects that the operation
// refers to, and records their origin in provenance.json.
//
// A document that cannot be the source of the contract is refused; the error states the
// cause and its place. References to other documents are not read, and the size of a
// document is limited.
package published

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// maxCut limits the text of one operation. The largest has 40 kB.
const maxCut = 4 << 20

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
// gzip), and checks them. Errors call the document name. A document without any of the
// operations is refused.
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
		text, err := takeOperation(doc, op)
		switch {
		case errors.Is(err, spec.ErrNotFound):
			taken.Missing = append(taken.Missing, op)
			notFound = cmp.Or(notFound, err)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		default:
			taken.Texts[op.Name] = text
		}
	}
	if len(taken.Texts) == 0 {
		return nil, fmt.Errorf("%s: %w; nor is any other operation of the list", name, notFound)
	}
	return taken, nil
}

func takeOperation(doc spec.Object, op spec.Operation) (Text, error) {
	found, _, err := op.Find(doc)
	if err != nil {
		return Text{}, err
	}
	text, err := cut(doc, found)
	if err != nil {
		return Text{}, err
	}
	// Canonicalize reports faults of the operation itself.
	canonical, err := normalize.Canonicalize(text.Document, op)
	if err != nil {
		return Text{}, err
	}
	if err := check(canonical, op, found.Pointer()); err != nil {
		return Text{}, err
	}
	if _, err := normalize.Load(canonical); err != nil {
		return Text{}, err
	}
	if text.Encoded, err = spec.Encode(text.Document); err != nil {
		return Text{}, err
	}
	if len(text.Encoded) > maxCut {
		return Text{}, fmt.Errorf("%s: the operation and what it uses are larger than %d bytes", found.Pointer(), maxCut)
	}
	return text, nil
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

// vendor is the address of the vendor's production API.
const vendor = "https://api.cloudflare.com/"

// check refuses an operation for which handwritten code would have to change.
// canonical is the canonical form of a document that describes the operation alone;
// at is its place in the source.
func check(canonical spec.Object, op spec.Operation, at string) error {
	address, _ := spec.At(canonical, "/servers/0/url")
	server, _ := address.(string)
	// Another host means another API.
	if !strings.HasPrefix(server+"/", vendor) || strings.ContainsAny(server, "{}?#") {
		return fmt.Errorf("%s/servers: the first server, %.200q, is not at %s, or its address has variables or a query", at, server, vendor)
	}
	for l := range spec.All(canonical) {
		if _, ok := l.Operation["callbacks"]; ok {
			return fmt.Errorf("%s/callbacks: not supported", at)
		}
		for _, p := range spec.List(l.Operation, "parameters") {
			parameter := spec.Child(p)
			name := spec.Text(parameter, "name")
			sent := parameter["in"] == "path" || parameter["in"] == "query" && slices.Contains(op.Query, name)
			if parameter["required"] == true && !sent {
				return fmt.Errorf("%s/parameters: a new required parameter, %.100q in %.20q: this library would not send it", at, name, parameter["in"])
			}
		}
		accepted := func(requirement any) bool {
			schemes := spec.SortedKeys(spec.Child(requirement))
			return slices.Equal(schemes, []string{normalize.APIToken}) || slices.Equal(schemes, []string{normalize.APIEmail, normalize.APIKey})
		}
		if !slices.ContainsFunc(spec.List(l.Operation, "security"), accepted) {
			return fmt.Errorf("%s/security: neither an API token nor email and key are enough any more: this library sends nothing else", at)
		}
	}
	return nil
}
