package published

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The files of the published texts and their records.
const (
	Dir            = "openapi"
	ProvenanceFile = Dir + "/provenance.json"
)

// Provenance records the origin of the documents in openapi/.
type Provenance struct {
	Documents map[string]Record `json:"documents"` // by file in openapi/
	// SatisfiedUpstream lists the overlay actions whose change the published
	// texts make unnecessary. Only an update writes this list.
	SatisfiedUpstream []string `json:"satisfied_upstream"`
}

// Record describes the origin of one document.
type Record struct {
	SHA256       string `json:"sha256"`
	Source       string `json:"source"` // name of the source
	SourceSHA256 string `json:"source_sha256"`
	Retrieved    string `json:"retrieved"` // day, as YYYY-MM-DD
	License      string `json:"license"`   // as the source names it
	// Added lists, as JSON pointers into the document, what this project added to the
	// source to make it a valid OpenAPI document. LeftOut lists, as JSON pointers
	// into the source, the removed examples with a certificate or key.
	Added   []string `json:"added,omitzero"`
	LeftOut []string `json:"left_out,omitzero"`
}

// ParseProvenance reads the records and refuses unknown and missing members.
func ParseProvenance(name string, data []byte) (Provenance, error) {
	var p Provenance
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil {
		return Provenance{}, fmt.Errorf("%s: %w", name, err)
	}
	for document, r := range p.Documents {
		for _, member := range []struct{ name, value string }{
			{"sha256", r.SHA256}, {"source", r.Source}, {"source_sha256", r.SourceSHA256}, {"retrieved", r.Retrieved}, {"license", r.License},
		} {
			if member.value == "" {
				return Provenance{}, fmt.Errorf("%s: %q: %s is missing", name, document, member.name)
			}
		}
	}
	return p, nil
}

// Sum returns the SHA-256 of data in hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Source is the content of openapi/.
type Source struct {
	Operations spec.Operations
	Provenance Provenance
	Documents  map[string]spec.Object // published texts, by the operation's name
}

// ReadSource reads the list of operations and their published texts from the module
// in fsys, and checks the texts against their records. Each operation must have a
// text and each record an operation.
func ReadSource(fsys fs.FS) (Source, error) {
	source, err := ReadForUpdate(fsys)
	if err != nil {
		return Source{}, err
	}
	for _, op := range source.Operations {
		if source.Documents[op.Name] == nil {
			return Source{}, fmt.Errorf("%s/%s: no text of the operation %s: take a document that has it with 'make spec-update'", Dir, op.Document, op.Title())
		}
	}
	for _, document := range slices.Sorted(maps.Keys(source.Provenance.Documents)) {
		if !slices.ContainsFunc(source.Operations, func(op spec.Operation) bool { return op.Document == document }) {
			return Source{}, fmt.Errorf("%s: %s belongs to no operation of %s", ProvenanceFile, document, spec.OperationsFile)
		}
	}
	return source, nil
}

// ReadForUpdate is ReadSource for an update. An operation that is new in the list, or
// whose path has changed, may lack a text.
func ReadForUpdate(fsys fs.FS) (Source, error) {
	ops, err := spec.ReadOperations(fsys)
	if err != nil {
		return Source{}, err
	}
	data, err := fs.ReadFile(fsys, ProvenanceFile)
	if err != nil {
		return Source{}, err
	}
	source := Source{Operations: ops, Documents: map[string]spec.Object{}}
	if source.Provenance, err = ParseProvenance(ProvenanceFile, data); err != nil {
		return Source{}, err
	}
	for _, op := range ops {
		record, ok := source.Provenance.Documents[op.Document]
		if !ok {
			continue
		}
		name := path.Join(Dir, op.Document)
		if data, err = fs.ReadFile(fsys, name); err != nil {
			return Source{}, err
		}
		if got := Sum(data); got != record.SHA256 {
			return Source{}, fmt.Errorf("%s: sha256 is %s, the provenance says %s: the published text is only replaced by 'make spec-update'", name, got, record.SHA256)
		}
		doc, err := spec.Decode(name, data)
		if err != nil {
			return Source{}, err
		}
		if _, err := op.Find(doc); !errors.Is(err, spec.ErrNotFound) {
			source.Documents[op.Name] = doc
		}
	}
	return source, nil
}
