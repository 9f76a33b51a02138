package published

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"

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
	// Added has the JSON pointers of additions that make the document valid OpenAPI.
	Added []string `json:"added,omitzero"`
	// LeftOut has the JSON pointers of removed examples, defaults and bounds.
	LeftOut []string `json:"left_out,omitzero"`
}

// Sum returns the SHA-256 of data in hex.
func Sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// Source is the content of openapi/.
type Source struct {
	Operations spec.Operations
	Provenance Provenance
	Documents  map[string]spec.Object // published texts, by the operation's name
}

// ReadSource reads the list of operations and their published texts from the module
// in fsys, and checks the texts against their records. An operation that is new in the
// list, or whose path has changed, has no text before the next update.
func ReadSource(fsys fs.FS) (Source, error) {
	ops, err := spec.ReadOperations(fsys)
	if err != nil {
		return Source{}, err
	}
	data, err := fs.ReadFile(fsys, ProvenanceFile)
	if err != nil {
		return Source{}, err
	}
	source := Source{Operations: ops, Documents: map[string]spec.Object{}}
	if err := json.Unmarshal(data, &source.Provenance, json.RejectUnknownMembers(true)); err != nil {
		return Source{}, fmt.Errorf("%s: %w", ProvenanceFile, err)
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
