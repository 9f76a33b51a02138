// Package publicapi tests the promises about the exported Go API: it is
// kept as committed text, and a change of it needs an entry in the CHANGELOG.
package publicapi

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Packages are the packages whose exported API is promised, by their folders.
var Packages = []string{"api", "api/apitest", "api/contract"}

// Surface returns the exported declarations of the package in dir, without
// comments and bodies, each on one line, sorted.
func Surface(fsys fs.FS, dir string) ([]string, error) {
	fset := token.NewFileSet()
	sources, err := fs.Glob(fsys, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, source)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, source, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, os.ErrNotExist)
	}
	pkg, err := doc.NewFromFiles(fset, files, dir)
	if err != nil {
		return nil, err
	}
	p := lister{fset: fset}
	p.values(pkg.Consts)
	p.values(pkg.Vars)
	p.functions(pkg.Funcs)
	for _, t := range pkg.Types {
		p.declaration(t.Decl)
		p.values(t.Consts)
		p.values(t.Vars)
		p.functions(t.Funcs)
		p.functions(t.Methods)
	}
	slices.Sort(p.lines)
	return p.lines, p.err
}

type lister struct {
	fset  *token.FileSet
	lines []string
	err   error
}

func (p *lister) values(values []*doc.Value) {
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			p.declaration(&ast.GenDecl{Tok: v.Decl.Tok, Specs: []ast.Spec{spec}})
		}
	}
}

func (p *lister) functions(functions []*doc.Func) {
	for _, f := range functions {
		p.declaration(&ast.FuncDecl{Recv: f.Decl.Recv, Name: f.Decl.Name, Type: f.Decl.Type})
	}
}

func (p *lister) declaration(decl ast.Decl) {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), decl); err != nil && p.err == nil {
		p.err = err
	}
	p.lines = append(p.lines, oneLine(b.String()))
}

// oneLine joins the lines of a declaration with semicolons, and drops the printer's
// comment about unexported fields.
func oneLine(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "// contains filtered")
		words := strings.Join(strings.Fields(line), " ")
		switch joined := b.String(); {
		case words == "":
			continue
		case joined == "":
		case strings.HasSuffix(joined, "{") || strings.HasPrefix(words, "}"):
			b.WriteString(" ")
		default:
			b.WriteString("; ")
		}
		b.WriteString(words)
	}
	return b.String()
}
