// Package update takes a new revision of the published document.
//
// Prepare does all the work without changing a file: import, comparison,
// overlays, generation, and the compiler's opinion. Apply then writes the whole
// result, or nothing. What cannot be used ends in a RefusedError, which names
// the cause and its place in one line.
package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/codegen"
	"github.com/certuse/cloudflare-mtls/internal/goapi"
	"github.com/certuse/cloudflare-mtls/internal/goview"
	"github.com/certuse/cloudflare-mtls/internal/importer"
	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/internal/provenance"
	"github.com/certuse/cloudflare-mtls/internal/report"
	"github.com/certuse/cloudflare-mtls/internal/tree"
)

// RefusedError says why a document cannot be used. The tree is as it was.
type RefusedError struct {
	Reason string
	// Report is what was found out before the refusal; nil when the document
	// could not be compared.
	Report *report.Report
}

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// refuse makes a RefusedError of one line, however err was worded and whatever
// the document wrote into it.
func refuse(err error) error {
	const longest = 600
	return &RefusedError{Reason: report.Line(strings.Join(strings.Fields(err.Error()), " "), longest)}
}

// Request is a revision to take.
type Request struct {
	Root string // of the module
	Name string // of the document, for errors and the provenance
	Data []byte // the document as published

	Retrieved string // the day it was retrieved, as YYYY-MM-DD
	License   string // SPDX id; empty: as the document says
	Source    string // what the provenance calls the source; empty: Name and the document's title
}

// Plan is an update that can be applied.
type Plan struct {
	Report report.Report

	root  string
	files map[string][]byte
}

// Prepare works out what taking a revision changes. No file of the module is
// changed.
func Prepare(ctx context.Context, req Request) (*Plan, error) {
	taken, err := importer.Take(req.Name, req.Data)
	if err != nil {
		return nil, refuse(err)
	}
	plan := &Plan{root: req.Root, files: map[string][]byte{}}
	before, after, err := compareStages(req, taken)
	if after.canonical != nil {
		plan.describe(req, taken, before, after)
	}
	if err != nil {
		return nil, plan.refusal(err)
	}
	if err := plan.store(req, taken, before); err != nil {
		return nil, plan.refusal(err)
	}
	if len(plan.files) > 0 {
		if err := plan.generate(ctx, after); err != nil {
			return nil, plan.refusal(err)
		}
	} else {
		plan.Report.Go = report.Go{Identical: true, SameCode: true}
	}
	plan.Report.Files = append([]string{}, slices.Sorted(maps.Keys(plan.files))...)
	plan.Report.Class = plan.Report.Classify()
	return plan, nil
}

// refusal adds the report to an error that refuses the document: why the module
// does not compile, or why an overlay action matches nothing, is seen in what
// changed. A document that has no canonical form cannot be compared.
func (p *Plan) refusal(err error) error {
	if refused, ok := errors.AsType[*RefusedError](err); ok && p.Report.Published != nil {
		p.Report.Class, p.Report.Refusal, p.Report.Files = report.Refused, refused.Reason, []string{}
		refused.Report = &p.Report
	}
	return err
}

// describe fills the parts of the report that come from comparing documents, as
// far as after got.
func (p *Plan) describe(req Request, taken *importer.Import, before, after stages) {
	r := &p.Report
	openapi, _ := taken.Cut["openapi"].(string)
	r.Source = report.Source{
		Name: sourceName(req, taken), SHA256: taken.SourceSHA256, OpenAPI: report.Line(openapi, 20),
		Title: report.Line(taken.Title, 100), Version: report.Line(taken.Version, 40), License: licenseOf(req, taken),
	}
	r.Warnings = []string{}
	if r.Source.License == importer.NoAssertion {
		r.Warnings = append(r.Warnings, fmt.Sprintf(
			"the document names no licence that is known (%q): it is recorded as %s; find out, and pass it by LICENSE=", report.Line(taken.LicenseText, 100), importer.NoAssertion))
	} else if r.Source.License != before.record.License {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the licence is %s; it was %s", r.Source.License, before.record.License))
	}
	text := report.Loosen(after.canonical)
	published := report.Compare(report.Loosen(before.canonical), text)
	if after.outcomes != nil {
		r.Overlays = report.CompareOverlays(before.outcomes, after.outcomes)
	}
	if after.flat == nil {
		r.Published = report.Unjudged(published)
		return
	}
	r.Contract = append([]report.Change{}, report.Compare(before.flat, after.flat)...)
	r.Published = report.Reaching(published, r.Contract, text, after.flat)
}

// store adds the document and its record to the plan. Of a document that is
// the stored one, only the list of satisfied actions can be new.
func (p *Plan) store(req Request, taken *importer.Import, before stages) error {
	record := before.record
	files := map[string][]byte{}
	digest := provenance.Sum(taken.Encoded)
	if record.SHA256 != digest && record.SHA256 != provenance.Sum(req.Data) {
		record.Source, record.SourceSHA256 = sourceName(req, taken), taken.SourceSHA256
		record.Retrieved, record.License = req.Retrieved, licenseOf(req, taken)
		record.Document, record.SHA256 = documentName, digest
		record.Added = []string{}
		files[pipeline.SourceDir+"/"+documentName] = taken.Encoded
	}
	record.SatisfiedUpstream = p.Report.Overlays.Listed
	encoded, err := record.Encode()
	if err != nil {
		return err
	}
	files[pipeline.ProvenanceFile] = encoded
	return p.change(files)
}

// generate adds the files of generated/ to the plan and asks the compiler.
func (p *Plan) generate(ctx context.Context, after stages) error {
	files, err := codegen.Generate(ctx, p.root, after.contract, goview.View(after.contract))
	if err != nil {
		if _, ran := errors.AsType[*exec.ExitError](err); ran && ctx.Err() == nil {
			return refuse(ungenerated(after.contract, err))
		}
		return errors.Join(ctx.Err(), err)
	}
	if err := p.change(files); err != nil {
		return err
	}
	p.Report.Go = report.Go{Identical: true, SameCode: true}
	for name, content := range p.files {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		old, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p.Report.Go.Identical = false
		p.Report.Go.SameCode = p.Report.Go.SameCode && goapi.SameCode(old, content)
	}
	if p.Report.Go.SameCode {
		return nil
	}
	err = goapi.Vet(ctx, p.root, files)
	if broken, ok := errors.AsType[*goapi.BuildError](err); ok {
		return refuse(broken)
	}
	return err
}

// change adds the files whose content is not in the tree already.
func (p *Plan) change(files map[string][]byte) error {
	for name, content := range files {
		have, err := fs.ReadFile(os.DirFS(p.root), name)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err != nil || !bytes.Equal(have, content):
			p.files[name] = content
		}
	}
	return nil
}

// Apply writes the plan to the tree. If it fails, or if ctx ends before the
// last file is in place, the tree is as it was.
func (p *Plan) Apply(ctx context.Context) error {
	return tree.Write(ctx, p.root, p.files)
}
