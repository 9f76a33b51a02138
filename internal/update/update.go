// Package update takes a new revision of the published text.
//
// Prepare does all the work without changing a file: import, comparison,
// overlays, generation, and compilation. Apply then writes the whole result, or
// nothing. A document that cannot be used ends in a RefusedError, which names the
// cause and its place in one line.
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
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/generate"
	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/overlay"
	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// RefusedError says why a document cannot be used. The tree is as it was.
type RefusedError struct {
	Reason string
	// Report is what was found out before the refusal; nil when the document
	// could not be compared.
	Report *compare.Report
}

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// refuse makes a RefusedError of one line, however err was worded and whatever
// the document wrote into it.
func refuse(err error) error {
	const longest = 600
	return &RefusedError{Reason: compare.Line(strings.Join(strings.Fields(err.Error()), " "), longest)}
}

// Request is a revision to take.
type Request struct {
	Root string // of the module
	Name string // of the document, for errors and the provenance
	Data []byte // the document as published
	// Partial says that the document holds a part of what the vendor publishes:
	// an operation that it lacks is not withdrawn.
	Partial bool

	Retrieved string // the day it was retrieved, as YYYY-MM-DD
	License   string // SPDX id; empty: as the document says
	Source    string // what the provenance calls the source; empty: Name and the document's title
}

// Plan is an update that can be applied.
type Plan struct {
	Report compare.Report

	root  string
	files map[string][]byte
}

// Prepare works out what taking a revision changes. No file of the module is
// changed.
func Prepare(ctx context.Context, req Request) (*Plan, error) {
	fsys := os.DirFS(req.Root)
	overlays, err := normalize.ReadOverlays(fsys)
	if err != nil {
		return nil, err
	}
	source, err := published.ReadForUpdate(fsys)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTree, err)
	}
	// An action made for a new text need not match the old one.
	before, err := run(source, overlays, func([]overlay.Outcome) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTree, err)
	}
	taken, err := published.Take(req.Name, req.Data, source.Operations)
	if errors.Is(err, spec.ErrNotFound) && len(source.Missing) > 0 {
		err = fmt.Errorf("%w; nor is any other operation of the list", notStored(req.Name, source.Missing[0]))
	}
	if err != nil {
		return nil, refuse(err)
	}
	next := source
	next.Documents = maps.Clone(source.Documents)
	for name, text := range taken.Texts {
		next.Documents[name] = text.Document
	}
	next.Missing = slices.DeleteFunc(slices.Clone(source.Missing), func(op spec.Operation) bool { return next.Documents[op.Name] != nil })
	if len(next.Missing) > 0 {
		return nil, refuse(notStored(req.Name, next.Missing[0]))
	}
	plan := &Plan{root: req.Root, files: map[string][]byte{}}
	after, err := run(next, overlays, mustMatch)
	if err == nil {
		err = source.Operations.CheckQuery(after.Contract)
	}
	if err != nil {
		err = refuse(fmt.Errorf("%s: %w", req.Name, err))
	}
	if described := plan.describe(req, source, taken, before, after); described != nil {
		err = errors.Join(err, described)
	}
	if err == nil {
		err = plan.store(req, source, taken)
	}
	if err == nil && len(plan.files) > 0 {
		err = plan.generate(ctx, before.Contract, after.Contract, source.Operations)
	}
	if err != nil {
		return nil, plan.refusal(err)
	}
	plan.Report.Files = append(plan.Report.Files, slices.Sorted(maps.Keys(plan.files))...)
	plan.Report.Class = max(plan.Report.Class, plan.minimum())
	return plan, nil
}

// notStored says that neither the document nor openapi/ has an operation.
func notStored(document string, op spec.Operation) error {
	return fmt.Errorf("%s: the operation %s %w, and its text is not stored in %s either", document, op.Title(), spec.ErrNotFound, published.Dir)
}

// errTree says that a failure is no fault of the new document.
var errTree = errors.New("the tree is not in order before the update")

// run takes the published texts through all stages.
func run(source published.Source, overlays normalize.Overlays, check func([]overlay.Outcome) error) (normalize.Result, error) {
	ops := slices.DeleteFunc(slices.Clone(source.Operations), func(op spec.Operation) bool { return source.Documents[op.Name] == nil })
	canonical, err := normalize.Canonical(source.Documents, ops)
	if err != nil {
		return normalize.Result{}, err
	}
	return normalize.Run(canonical, ops, overlays, check)
}

// mustMatch demands that each overlay action finds its place in a new text.
func mustMatch(outcomes []overlay.Outcome) error {
	for _, o := range outcomes {
		if o.Effect == overlay.Unmatched {
			return fmt.Errorf("overlays/%s matches nothing at %s, and nothing shows that the text satisfies it by itself", o.Action.ID, o.Action.Target)
		}
	}
	return nil
}

// Regenerate returns the files of generated/ as the texts and overlays in the
// module at root give them.
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
	satisfied := source.Provenance.SatisfiedUpstream
	result, err := run(source, overlays, func(outcomes []overlay.Outcome) error { return overlay.Check(outcomes, satisfied) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", published.Dir, err)
	}
	if err := overlay.CheckListed(result.Outcomes, satisfied); err != nil {
		return nil, err
	}
	if err := source.Operations.CheckQuery(result.Contract); err != nil {
		return nil, err
	}
	return generate.Generate(ctx, root, result.Contract, source.Operations)
}

// refusal adds the report to an error that refuses the document: why the module
// does not compile, or why an overlay action matches nothing, is seen in what
// changed. A document that has no canonical form cannot be compared.
func (p *Plan) refusal(err error) error {
	if refused, ok := errors.AsType[*RefusedError](err); ok && p.Report.Operations != nil {
		p.Report.Class, p.Report.Refusal = compare.Refused, refused.Reason
		refused.Report = &p.Report
		return refused
	}
	return err
}

// minimum is the class that an update has at least, by what it writes.
func (p *Plan) minimum() compare.Class {
	if len(p.files) > 0 && !p.Report.Go.Identical {
		return compare.Documentation
	}
	return compare.None
}

// describe fills the parts of the report that come from comparing documents, as
// far as after got.
func (p *Plan) describe(req Request, source published.Source, taken *published.Import, before, after normalize.Result) error {
	var err error
	if after.Merged != nil {
		if after.Contract == nil { // what the overlays make of the text is not known
			before.Contract, after.Contract = spec.Object{}, spec.Object{}
		}
		p.Report, err = compare.Compare(side(before), side(after), overwrites(after.Outcomes))
	} else {
		p.Report = compare.Report{Operations: []compare.Operation{}, Warnings: []string{}, Files: []string{}}
	}
	r := &p.Report
	r.Source = compare.Source{
		Name: sourceName(req, taken), SHA256: taken.SourceSHA256, OpenAPI: compare.Line(taken.OpenAPI, 20),
		Title: compare.Line(taken.Title, 100), Version: compare.Line(taken.Version, 40), License: licenseOf(req, taken),
	}
	// An action that could not be applied leaves open what the others do.
	known := slices.ContainsFunc(after.Outcomes, func(o overlay.Outcome) bool {
		return o.Effect == overlay.Unmatched || strings.HasPrefix(o.Action.ID, path.Base(normalize.ContractOverlays))
	})
	if known {
		r.Overlays = compare.CompareOverlays(before.Outcomes, after.Outcomes)
	}
	r.Go.Identical, r.Go.SameCode = true, true
	p.warn(source, taken)
	if !req.Partial {
		p.withdraw(source, taken)
	}
	return err
}

func side(r normalize.Result) compare.Side {
	return compare.Side{Merged: r.Merged, Contract: r.Contract}
}

// overwrites returns which overlay actions changed the merged published text at
// a place.
func overwrites(outcomes []overlay.Outcome) func(pointer string) []compare.Overwrite {
	at := map[string][]compare.Overwrite{}
	for _, o := range outcomes {
		for _, pointer := range o.Changed {
			at[pointer] = append(at[pointer], compare.Overwrite{Action: o.Action.ID, Expects: o.Action.Overwrites})
		}
	}
	return func(pointer string) []compare.Overwrite { return at[pointer] }
}

// warn adds what the person who takes the revision should know of its licence.
func (p *Plan) warn(source published.Source, taken *published.Import) {
	r := &p.Report
	if r.Source.License == published.NoAssertion {
		r.Warnings = append(r.Warnings, fmt.Sprintf(
			"the document names no licence that is known (%q): it is recorded as %s; find out, and pass it by LICENSE=", compare.Line(taken.LicenseText, 100), published.NoAssertion))
		return
	}
	seen := map[string]bool{}
	for _, op := range source.Operations {
		record, known := source.Provenance.Record(op.Document)
		if _, ok := taken.Texts[op.Name]; ok && known && record.License != r.Source.License && !seen[record.License] {
			seen[record.License] = true
			r.Warnings = append(r.Warnings, fmt.Sprintf("the licence is %s; it was %s", r.Source.License, record.License))
		}
	}
}

// withdraw reports the operations that a whole document lacks. Their stored texts
// stay, since the library would not compile without them.
func (p *Plan) withdraw(source published.Source, taken *published.Import) {
	for _, op := range taken.Missing {
		message := fmt.Sprintf("the operation %s is withdrawn: the document does not have it", op.Name)
		if stored, _, err := op.Find(source.Documents[op.Name]); err == nil {
			id, _ := stored.Operation["operationId"].(string)
			if moved, ok := taken.Titles[id]; ok {
				message += compare.Line(fmt.Sprintf("; its operationId %s is at %s now", id, moved), 300)
			}
		}
		p.Report.Operations = append(p.Report.Operations, compare.Operation{
			Name: op.Title(), Class: compare.Breaking,
			Changes: []compare.Change{{
				Class: compare.Breaking, Pointer: "/paths/" + spec.Escape(op.Path) + "/" + strings.ToLower(op.Method),
				Message: message,
				Meaning: "The stored text stays in use. Change or remove the entry in " + spec.OperationsFile +
					"; for a document that holds a part of the operations, say PARTIAL=1.",
				Published: true,
			}},
		})
		p.Report.Class = max(p.Report.Class, compare.Breaking)
	}
}

// store adds the texts and their records to the plan. Of a text that is the
// stored one, only the list of satisfied actions can be new.
func (p *Plan) store(req Request, source published.Source, taken *published.Import) error {
	provenance := source.Provenance
	files := map[string][]byte{}
	for _, op := range source.Operations {
		text, ok := taken.Texts[op.Name]
		if !ok {
			continue
		}
		digest := published.Sum(text.Encoded)
		if record, _ := provenance.Record(op.Document); record.SHA256 == digest || record.SHA256 == taken.SourceSHA256 {
			continue
		}
		files[path.Join(published.Dir, op.Document)] = text.Encoded
		provenance.Set(published.Record{
			Document: op.Document, SHA256: digest,
			Source: sourceName(req, taken), SourceSHA256: taken.SourceSHA256,
			Retrieved: req.Retrieved, License: licenseOf(req, taken), LeftOut: text.LeftOut,
		})
	}
	provenance.Documents = slices.DeleteFunc(slices.Clone(provenance.Documents), func(r published.Record) bool {
		return !slices.ContainsFunc(source.Operations, func(op spec.Operation) bool { return op.Document == r.Document })
	})
	provenance.SatisfiedUpstream = p.Report.Overlays.Listed
	encoded, err := provenance.Encode()
	if err != nil {
		return err
	}
	files[published.ProvenanceFile] = encoded
	return p.change(files)
}

// generate adds the files of generated/ to the plan and asks the compiler. An
// error of a tool is the document's fault only if the tool works with what is
// stored: otherwise it is one of the tree or of the machine.
func (p *Plan) generate(ctx context.Context, before, after spec.Object, ops spec.Operations) error {
	files, err := generate.Generate(ctx, p.root, after, ops)
	if err != nil {
		if _, ran := errors.AsType[*exec.ExitError](err); ran && ctx.Err() == nil {
			if _, stored := generate.Generate(ctx, p.root, before, ops); stored != nil {
				return errors.Join(ctx.Err(), stored)
			}
			return refuse(fmt.Errorf("no Go code can be generated from the new contract: %s%w", unnamed(after), err))
		}
		return errors.Join(ctx.Err(), err)
	}
	if err := p.change(files); err != nil {
		return err
	}
	for name, content := range p.files {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		old, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p.Report.Go.Identical = false
		p.Report.Go.SameCode = p.Report.Go.SameCode && sameCode(old, content)
	}
	if p.Report.Go.SameCode {
		return nil
	}
	fault, err := vet(ctx, p.root, files)
	if err != nil || fault == "" {
		return err
	}
	if stored, err := vet(ctx, p.root, nil); err != nil || stored != "" {
		return errors.Join(err, fmt.Errorf("%w: %s", errTree, stored))
	}
	return refuse(fmt.Errorf("the module does not compile against the new contract: %s%s", collisions(files), fault))
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
	return Write(ctx, p.root, p.files)
}

func sourceName(req Request, taken *published.Import) string {
	if req.Source != "" {
		return compare.Line(req.Source, 200)
	}
	return compare.Line(fmt.Sprintf("%s (%s %s)", req.Name, taken.Title, taken.Version), 200)
}

func licenseOf(req Request, taken *published.Import) string {
	if req.License != "" {
		return req.License
	}
	return taken.License
}
