// Package pipeline tests that the code of the pipeline, in internal/, names no
// operation.
package pipeline

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const root = "../.."

// known are the names that the code of the pipeline, in internal/, must not contain.
type known struct {
	// whole are names: of operations, methods of the client, documents, permissions and
	// types.
	whole map[string]bool
	// parts are paths, and parts of paths that are no common words.
	parts []string
}

func knownNames(t *testing.T) known {
	t.Helper()
	ops, err := spec.ReadOperations(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "generated", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	contract, err := spec.Decode("openapi.json", data)
	if err != nil {
		t.Fatal(err)
	}
	k := known{whole: map[string]bool{}}
	types := spec.SortedKeys(spec.Child(contract["components"], "schemas"))
	for _, op := range ops {
		k.whole[op.Name] = true
		k.whole[strings.ToUpper(op.Name[:1])+op.Name[1:]] = true
		k.whole[op.Document] = true
		k.whole[op.Permission] = true
		for _, name := range op.Names {
			k.whole[name] = true
		}
		for _, name := range types { // those that are named after the operation's noun
			if stem := strings.TrimSuffix(op.Noun, "y"); strings.HasPrefix(name, stem) {
				k.whole[name] = true
			}
		}
		segments := strings.Split(strings.Trim(op.Path, "/"), "/")
		k.parts = append(k.parts, op.Path)
		for i, segment := range segments {
			word := strings.Trim(segment, "{}")
			if strings.Contains(word, "_") {
				k.parts = append(k.parts, word)
			}
			if i == 0 {
				k.parts = append(k.parts, "/"+segment+"/")
			}
		}
		if len(segments) > 1 {
			k.parts = append(k.parts, "/"+segments[len(segments)-2]+"/"+segments[len(segments)-1])
		}
	}
	slices.Sort(k.parts)
	k.parts = slices.Compact(k.parts)
	return k
}

// find returns the known names in a Go source, each with its line.
func (k known) find(name string, source []byte) []string {
	var out []string
	fset := token.NewFileSet()
	file := fset.AddFile(name, -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0) // without comments
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return out
		}
		at := fset.Position(pos).String() + ": " + text
		if tok == token.IDENT && k.whole[text] {
			out = append(out, at)
		}
		if tok != token.STRING {
			continue
		}
		value, err := strconv.Unquote(text)
		if err != nil {
			continue
		}
		if k.whole[value] || slices.ContainsFunc(k.parts, func(part string) bool { return strings.Contains(value, part) }) {
			out = append(out, at)
		}
	}
}

func TestPipelineNamesNoOperation(t *testing.T) {
	t.Parallel()
	k := knownNames(t)
	files := 0
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range k.find(path, source) {
			t.Errorf("%s: only %s and the overlays may name an operation, its path and its types", found, spec.OperationsFile)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("%d files were read", files)
	}
}

func TestNamesOfOperationsAreFound(t *testing.T) {
	t.Parallel()
	k := knownNames(t)
	for source, want := range map[string]int{
		`var a = "listMTLSCertificates"`:      1,
		`var a = c.ListZones(ctx)`:            1,
		`func f(a *generated.Association) {}`: 1,
		`var a = "CertificatesResponse"`:      1,
		`var a = "/accounts/" + id`:           1,
		"var a = `GET /zones/{zone_id}`":      1,
		`var a = "mtls_certificates"`:         1,
		`var a = "/workers/scripts"`:          1,
		`var a = "zones.json"`:                1,
		`var a = "PagesCertificate"`:          1,
		`var a = "Zone: Zone Read"`:           1,
		`var a = generated.HyperdriveMTLS{}`:  1,
		`var association, certificate, accounts, settings = "certificate", "accounts", "settings", "gateway"`: 0,
		`var a = "ResultInfo" // listZones of /accounts/`:                                                     0,
		`var listed, found = "list", operationNamed("zones")`:                                                 0,
	} {
		if got := k.find("x.go", []byte("package x\n"+source)); len(got) != want {
			t.Errorf("%s: found %q, want %d", source, got, want)
		}
	}
}
