// Package openapi holds the documents that the vendor published for the operations of
// the contract. provenance.json records their sources, and what was added or left out.
package openapi

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
)

//go:embed provenance.json
var provenance []byte

// Source is the origin of documents, and the day of retrieval as YYYY-MM-DD.
type Source struct {
	Source    string `json:"source"`
	Retrieved string `json:"retrieved"`
}

// Sources returns the sources of the documents, each once, in the order of the
// documents' names.
func Sources() ([]Source, error) {
	var records struct {
		Documents map[string]Source `json:"documents"`
	}
	if err := json.Unmarshal(provenance, &records); err != nil {
		return nil, err
	}
	var out []Source
	seen := map[Source]bool{}
	for _, document := range slices.Sorted(maps.Keys(records.Documents)) {
		if each := records.Documents[document]; !seen[each] {
			seen[each] = true
			out = append(out, each)
		}
	}
	return out, nil
}
