// Package update takes a new revision of the published text: Prepare computes its
// effect, including a build, and changes no file; Apply writes all files or none.
package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Request is a revision to take.
type Request struct {
	Root string // of the module
	Name string // of the document, for errors and the provenance
	Data []byte // the document as published
	// Partial means that the document holds a part of what the vendor publishes: an
	// operation that it lacks is not withdrawn.
	Partial bool

	Retrieved string // the day it was retrieved, as YYYY-MM-DD
	License   string // empty: as the document says
	Source    string // in the provenance; empty: Name with the title and the version
}

// Plan is an update that can be applied. The plan of an unusable document has the
// class [compare.Refused] and changes nothing.
type Plan struct {
	Report compare.Report

	req           Request
	source        published.Source // as stored
	taken         *published.Import
	before, after normalize.Result
	files         map[string][]byte // to write, by their paths from the root
}

// refusal states why a document cannot be used: the cause and its place in one line.
type refusal string

func (r refusal) Error() string { return string(r) }

// refuse turns an error into a refusal of one safe line.
func refuse(err error) error {
	return refusal(compare.Line(strings.Join(strings.Fields(err.Error()), " "), 600))
}

// Prepare computes the effect of a revision and changes no file. If the document is
// refused, the report holds what was found before the refusal: the vendor's changes
// explain why the module does not compile, or why an overlay action matches nothing.
func Prepare(ctx context.Context, req Request) (*Plan, error) {
	p := &Plan{req: req}
	err := p.prepare(ctx)
	if refused, ok := errors.AsType[refusal](err); ok {
		p.Report.Class, p.Report.Refusal, p.Report.Files, p.files = compare.Refused, string(refused), nil, nil
		return p, nil
	}
	return p, err
}

func (p *Plan) prepare(ctx context.Context) error {
	fsys := os.DirFS(p.req.Root)
	overlays, err := normalize.ReadOverlays(fsys)
	if err != nil {
		return err
	}
	if p.source, err = published.ReadSource(fsys); err != nil {
		return fmt.Errorf("%w: %w", errInconsistentTree, err)
	}
	if _, err := fs.Stat(fsys, generate.Dir); err != nil { // the go command could not compile
		return fmt.Errorf("%w: %w: run 'make generate' first", errInconsistentTree, err)
	}
	stored := slices.DeleteFunc(slices.Clone(p.source.Operations), func(op spec.Operation) bool { return p.source.Documents[op.Name] == nil })
	// An action for the new text need not match the stored one: Unmatched is no error.
	if p.before, err = normalize.Run(p.source.Documents, stored, overlays); err != nil {
		return fmt.Errorf("%w: %w", errInconsistentTree, err)
	}
	if p.taken, err = published.Take(p.req.Name, p.req.Data, p.source.Operations); err != nil {
		return refuse(err)
	}
	documents := maps.Clone(p.source.Documents)
	for name, text := range p.taken.Texts {
		documents[name] = text.Document
	}
	p.after, err = normalize.Run(documents, p.source.Operations, overlays)
	if err = cmp.Or(overlay.CheckMatched(p.after.Outcomes), err); err != nil {
		err = refuse(fmt.Errorf("%s: %w", p.req.Name, err))
	}
	if err = errors.Join(err, p.describe()); err != nil {
		return err
	}
	return p.write(ctx)
}

// errInconsistentTree marks failures that are no fault of the new document.
var errInconsistentTree = errors.New("the tree is not in order before the update")

// Regenerate returns the files of generated/ for the texts and overlays in the module
// at root.
func Regenerate(ctx context.Context, root string) (map[string][]byte, error) {
	fsys := os.DirFS(root)
	overlays, err := normalize.ReadOverlays(fsys)
	if err != nil {
		return nil, err
	}
	source, err := published.ReadSource(fsys)
	if err != nil {
		return nil, err
	}
	result, err := normalize.Run(source.Documents, source.Operations, overlays)
	if err = cmp.Or(overlay.CheckMatched(result.Outcomes), err); err != nil {
		return nil, fmt.Errorf("%s: %w", published.Dir, err)
	}
	if err := cmp.Or(ctx.Err(), overlay.CheckSatisfied(result.Outcomes, source.Provenance.SatisfiedUpstream)); err != nil {
		return nil, err
	}
	return generate.Generate(root, result.Contract, source.Operations)
}

// describe fills the parts of the report that come from comparing documents, as far
// as the new one was processed. An operation that the new document lacks is reported as
// removed, unless the request is Partial. The operation's stored text stays in use,
// because the library would not compile without it.
func (p *Plan) describe() (err error) {
	if !p.req.Partial {
		for _, op := range p.taken.Missing {
			delete(spec.Child(p.after.Merged, "paths", op.Path), strings.ToLower(op.Method))
		}
	}
	p.Report, err = compare.Compare(p.before, p.after)
	p.Report.Source = compare.Source{
		Name:   compare.Line(cmp.Or(p.req.Source, fmt.Sprintf("%s (%s %s)", p.req.Name, p.taken.Title, p.taken.Version)), 200),
		SHA256: p.taken.SourceSHA256, OpenAPI: compare.Line(p.taken.OpenAPI, 20),
		License: compare.Line(cmp.Or(p.req.License, p.taken.License, "NOASSERTION"), 100), // SPDX's word for unknown
	}
	return err
}

// write plans the changes in openapi/ and generated/.
func (p *Plan) write(ctx context.Context) error {
	files, err := p.store()
	if err != nil {
		return err
	}
	generated, err := p.generate()
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return err
	}
	maps.Copy(files, generated)
	changes, err := changed(p.req.Root, files)
	if err != nil {
		return err
	}
	p.files = files
	r := &p.Report
	r.SameCode = true
	for _, c := range changes {
		r.Files = append(r.Files, c.name)
		if strings.HasSuffix(c.name, ".go") {
			r.Class = max(r.Class, compare.Documentation)
			r.SameCode = r.SameCode && slices.Equal(tokens(c.old), tokens(c.content))
		}
	}
	if r.SameCode {
		return nil
	}
	return p.compile(ctx, generated)
}

// store returns the changed texts and the provenance; other texts keep their records.
func (p *Plan) store() (map[string][]byte, error) {
	files := map[string][]byte{}
	records := map[string]published.Record{}
	for _, op := range p.source.Operations {
		record := p.source.Provenance.Documents[op.Document]
		text, ok := p.taken.Texts[op.Name]
		if digest := published.Sum(text.Encoded); ok && record.SHA256 != digest && record.SHA256 != p.taken.SourceSHA256 {
			files[path.Join(published.Dir, op.Document)] = text.Encoded
			record = published.Record{
				SHA256: digest, Source: p.Report.Source.Name, SourceSHA256: p.taken.SourceSHA256,
				Retrieved: p.req.Retrieved, License: p.Report.Source.License, LeftOut: text.LeftOut,
			}
		}
		records[op.Document] = record
	}
	encoded, err := spec.Encode(published.Provenance{Documents: records, SatisfiedUpstream: p.Report.Overlays.Listed})
	files[published.ProvenanceFile] = encoded
	return files, err
}

// generate returns the files of generated/. An error of the generator is the document's
// fault only if the stored contract has no such error.
func (p *Plan) generate() (map[string][]byte, error) {
	files, err := generate.Generate(p.req.Root, p.after.Contract, p.source.Operations)
	if _, refused := errors.AsType[*generate.CodeError](err); refused {
		_, stored := generate.Generate(p.req.Root, p.before.Contract, p.source.Operations)
		err = cmp.Or(stored, refuse(fmt.Errorf("no Go code can be generated from the new contract: %w", err)))
	}
	return files, err
}

// compile refuses a contract whose generated code breaks the build of the module.
func (p *Plan) compile(ctx context.Context, generated map[string][]byte) error {
	fault, err := vet(ctx, p.req.Root, generated)
	if err != nil || fault == "" {
		return err
	}
	switch stored, err := vet(ctx, p.req.Root, nil); {
	case err != nil:
		return err
	case stored != "":
		return fmt.Errorf("%w: %s", errInconsistentTree, stored)
	}
	return refuse(fmt.Errorf("the module does not compile against the new contract: %s", fault))
}

// Apply writes the plan to the tree. If a file cannot be put in place, or ctx ends
// first, the old files are restored.
func (p *Plan) Apply(ctx context.Context) error { return Write(ctx, p.req.Root, p.files) }
