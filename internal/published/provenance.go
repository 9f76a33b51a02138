package published

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Where the published texts and their records stand, from the root of the module.
const (
	Dir            = "openapi"
	ProvenanceFile = Dir + "/provenance.json"
)

// Provenance records where the documents in openapi/ came from.
type Provenance struct {
	Documents []Record `json:"documents"`
	// SatisfiedUpstream lists the overlay actions whose change the published
	// texts make unnecessary. Only an update writes this list.
	SatisfiedUpstream []string `json:"satisfied_upstream"`
}

// Record says where one document came from.
type Record struct {
	Document     string `json:"document"` // file in openapi/
	SHA256       string `json:"sha256"`
	Source       string `json:"source"` // names what was taken
	SourceSHA256 string `json:"source_sha256"`
	Retrieved    string `json:"retrieved"` // day, as YYYY-MM-DD
	License      string `json:"license"`   // SPDX id
	// Added lists, as JSON pointers into the document, what the source does not
	// say and this project added to make it a valid OpenAPI document. LeftOut
	// lists, as JSON pointers into the source, examples with a certificate or key.
	Added   []string `json:"added,omitzero"`
	LeftOut []string `json:"left_out,omitzero"`
}

// ParseProvenance reads the records and refuses unknown and missing members.
func ParseProvenance(name string, data []byte) (Provenance, error) {
	var p Provenance
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil {
		return Provenance{}, fmt.Errorf("%s: %w", name, err)
	}
	seen := map[string]bool{}
	for _, r := range p.Documents {
		if seen[r.Document] {
			return Provenance{}, fmt.Errorf("%s: %q is there twice", name, r.Document)
		}
		seen[r.Document] = true
		for _, member := range []struct{ name, value string }{
			{"document", r.Document}, {"sha256", r.SHA256}, {"source", r.Source},
			{"source_sha256", r.SourceSHA256}, {"retrieved", r.Retrieved}, {"license", r.License},
		} {
			if member.value == "" {
				return Provenance{}, fmt.Errorf("%s: %q: %s is missing", name, r.Document, member.name)
			}
		}
	}
	return p, nil
}

// Encode writes the records as they are committed, ordered by document.
func (p Provenance) Encode() ([]byte, error) {
	p.Documents = slices.SortedFunc(slices.Values(p.Documents), func(a, b Record) int {
		return slices.Compare([]byte(a.Document), []byte(b.Document))
	})
	data, err := json.Marshal(p, jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// Record returns the record of a document, and whether there is one.
func (p Provenance) Record(document string) (Record, bool) {
	i := slices.IndexFunc(p.Documents, func(r Record) bool { return r.Document == document })
	if i < 0 {
		return Record{}, false
	}
	return p.Documents[i], true
}

// Set puts a record in the place of the one for the same document, or adds it.
// The receiver's slice is not changed.
func (p *Provenance) Set(r Record) {
	p.Documents = append(slices.DeleteFunc(slices.Clone(p.Documents), func(old Record) bool { return old.Document == r.Document }), r)
}

// Sum returns the SHA-256 of data in hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Source is what openapi/ holds.
type Source struct {
	Operations spec.Operations
	Provenance Provenance
	Documents  map[string]spec.Object // published texts, by the operation's name
	Missing    spec.Operations        // that have no published text yet
}

// ReadSource reads the list of operations and their published texts from the
// module in fsys, and checks the texts against their records. Each operation must
// have a text and each record an operation.
func ReadSource(fsys fs.FS) (Source, error) {
	source, err := ReadForUpdate(fsys)
	if err != nil {
		return Source{}, err
	}
	if len(source.Missing) > 0 {
		op := source.Missing[0]
		return Source{}, fmt.Errorf("%s/%s: no text of the operation %s: take a document that has it with 'make spec-update'", Dir, op.Document, op.Title())
	}
	for _, record := range source.Provenance.Documents {
		if !slices.ContainsFunc(source.Operations, func(op spec.Operation) bool { return op.Document == record.Document }) {
			return Source{}, fmt.Errorf("%s: %s belongs to no operation of %s", ProvenanceFile, record.Document, spec.OperationsFile)
		}
	}
	return source, nil
}

// ReadForUpdate is ReadSource for an update, which may bring the text of an
// operation that is new in the list or has another path there than before.
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
		record, ok := source.Provenance.Record(op.Document)
		if !ok {
			source.Missing = append(source.Missing, op)
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
		if _, _, err := op.Find(doc); errors.Is(err, spec.ErrNotFound) {
			source.Missing = append(source.Missing, op)
			continue
		}
		source.Documents[op.Name] = doc
	}
	return source, nil
}
