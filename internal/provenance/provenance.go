// Package provenance reads and writes openapi/provenance.json, the record of
// where the published document came from.
package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Record says where the published document came from and what is known of it.
type Record struct {
	// Source names what was taken, SourceSHA256 its bytes.
	Source       string `json:"source"`
	SourceSHA256 string `json:"source_sha256"`
	// Retrieved is the day it was taken, as YYYY-MM-DD.
	Retrieved string `json:"retrieved"`
	// License is the SPDX id of the source's licence.
	License string `json:"license"`
	// Document is the file in openapi/, SHA256 its bytes.
	Document string `json:"document"`
	SHA256   string `json:"sha256"`
	// Added lists, as JSON pointers into the document, what the source does not
	// say and this project added to make it a valid OpenAPI document.
	Added []string `json:"added"`
	// SatisfiedUpstream lists the overlay actions whose change the published
	// text makes unnecessary. Only an update of the document writes this list.
	SatisfiedUpstream []string `json:"satisfied_upstream"`
}

// Parse reads a record and refuses unknown and missing members.
func Parse(name string, data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r, json.RejectUnknownMembers(true)); err != nil {
		return Record{}, fmt.Errorf("%s: %w", name, err)
	}
	for _, member := range []struct{ name, value string }{
		{"source", r.Source}, {"source_sha256", r.SourceSHA256}, {"retrieved", r.Retrieved},
		{"license", r.License}, {"document", r.Document}, {"sha256", r.SHA256},
	} {
		if member.value == "" {
			return Record{}, fmt.Errorf("%s: %s is missing", name, member.name)
		}
	}
	return r, nil
}

// Encode writes the record as it is committed.
func (r Record) Encode() ([]byte, error) {
	data, err := json.Marshal(r, jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// Verify reports whether document is the one that the record describes.
func (r Record) Verify(document []byte) error {
	if got := Sum(document); got != r.SHA256 {
		return fmt.Errorf("openapi/%s: sha256 is %s, the provenance says %s: the published document is only replaced by 'make spec-update'", r.Document, got, r.SHA256)
	}
	return nil
}

// Sum returns the SHA-256 of data in hex.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
