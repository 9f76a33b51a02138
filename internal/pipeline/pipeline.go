// Package pipeline joins the stages that turn the published document into the
// normalised contract: canonical form, overlays, flattening, naming.
package pipeline

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/certuse/cloudflare-mtls/internal/canon"
	"github.com/certuse/cloudflare-mtls/internal/flatten"
	"github.com/certuse/cloudflare-mtls/internal/naming"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Where the inputs of the pipeline stand in the module.
const (
	SourceDir      = "openapi"
	OverlayDir     = "overlays"
	ProvenanceFile = SourceDir + "/provenance.json"
)

// Source is the published document with its record.
type Source struct {
	Provenance provenance.Record
	Document   specdoc.Object
	Name       string // path of the document
}

// ReadSource reads the published document and checks it against its record.
func ReadSource(fsys fs.FS) (Source, error) {
	data, err := fs.ReadFile(fsys, ProvenanceFile)
	if err != nil {
		return Source{}, err
	}
	record, err := provenance.Parse(ProvenanceFile, data)
	if err != nil {
		return Source{}, err
	}
	name := path.Join(SourceDir, path.Base(record.Document))
	if data, err = fs.ReadFile(fsys, name); err != nil {
		return Source{}, err
	}
	if err := record.Verify(data); err != nil {
		return Source{}, err
	}
	document, err := specdoc.Decode(name, data)
	if err != nil {
		return Source{}, err
	}
	return Source{Provenance: record, Document: document, Name: name}, nil
}

// Normalize returns the normalised contract of the module in fsys.
func Normalize(fsys fs.FS) (specdoc.Object, error) {
	source, err := ReadSource(fsys)
	if err != nil {
		return nil, err
	}
	overlays, err := overlay.Load(fsys, OverlayDir)
	if err != nil {
		return nil, err
	}
	canonical, err := canon.Canonicalize(source.Document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.Name, err)
	}
	changed, err := overlay.Apply(canonical, overlays, source.Provenance.SatisfiedUpstream)
	if err != nil {
		return nil, err
	}
	return Finish(source.Name, changed)
}

// Finish runs the stages after the overlays. name is the source to name in
// errors.
func Finish(name string, overlaid specdoc.Object) (specdoc.Object, error) {
	if err := specdoc.CheckText(overlaid); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	flat, err := flatten.Flatten(overlaid)
	if err != nil {
		return nil, fmt.Errorf("%s, after the overlays: %w", name, err)
	}
	named, err := naming.Name(flat)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	dropUnusedSchemes(named)
	if _, err := flatten.Load(named); err != nil {
		return nil, fmt.Errorf("%s, normalised: %w", name, err)
	}
	return named, nil
}
