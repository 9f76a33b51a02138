// Package importer takes what the vendor publishes, a whole OpenAPI document or
// a part of one, and cuts it to the operation and what the operation uses.
//
// The vendor's text is left as it is; only what has nothing to do with the
// operation is left out. A document that cannot be the source of the contract
// is refused with the cause and its place. Nothing outside the document is
// read, and what a document may cost is bounded.
package importer

import (
	"fmt"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// maxCut bounds the cut document. The real one has 10 kB.
const maxCut = 4 << 20

// Import is a document that was taken.
type Import struct {
	// Cut is the document with the operation and what it uses, Encoded the same
	// as it is stored.
	Cut     specdoc.Object
	Encoded []byte

	// SourceSHA256 is the SHA-256 of the source as it was given.
	SourceSHA256 string
	// Title and Version are the source's own.
	Title, Version string
	// License is the SPDX id of the licence that the source names, or
	// NoAssertion. LicenseText is what it says.
	License, LicenseText string
}

// Take reads, checks and cuts a document, given as it was published: JSON or
// YAML, plain or gzip. name stands for it in errors.
func Take(name string, source []byte) (*Import, error) {
	data, err := unpack(name, source)
	if err != nil {
		return nil, err
	}
	doc, err := specdoc.Decode(name, data)
	if err != nil {
		return nil, err
	}
	taken, err := take(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	taken.SourceSHA256 = provenance.Sum(source)
	return taken, nil
}

func take(doc specdoc.Object) (*Import, error) {
	if err := canon.CheckVersion(doc); err != nil {
		return nil, err
	}
	found, err := canon.Find(doc)
	if err != nil {
		return nil, err
	}
	info, ok := doc["info"].(specdoc.Object)
	if !ok {
		return nil, fmt.Errorf("/info: missing")
	}
	if err := checkOperation(doc, found); err != nil {
		return nil, err
	}
	out, err := cut(doc, found)
	if err != nil {
		return nil, err
	}
	// The canonical form finds what is wrong in the operation itself.
	canonical, err := canon.Canonicalize(out)
	if err != nil {
		return nil, err
	}
	if err := checkSecurity(canonical, found); err != nil {
		return nil, err
	}
	if _, err := flatten.Load(canonical); err != nil {
		return nil, err
	}
	encoded, err := specdoc.Encode(out)
	if err != nil {
		return nil, err
	}
	if len(encoded) > maxCut {
		return nil, fmt.Errorf("%s: the operation and what it uses are larger than %d bytes", found.Pointer(), maxCut)
	}
	taken := &Import{Cut: out, Encoded: encoded}
	taken.Title, _ = info["title"].(string)
	taken.Version, _ = info["version"].(string)
	taken.License, taken.LicenseText = license(info)
	return taken, nil
}
