package generate

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// The committed files have none of the properties that make generated Go hard to use.
func TestGeneratedGoIsReadable(t *testing.T) {
	t.Parallel()
	const longestName = 40
	sources, err := filepath.Glob("../../" + Dir + "/*.gen.go")
	if err != nil || len(sources) < 2 {
		t.Fatalf("found %v, %v", sources, err)
	}
	fset := token.NewFileSet()
	named := map[ast.Expr]bool{}
	types := 0
	for _, source := range sources {
		file, err := parser.ParseFile(fset, source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if isSpec := filepath.Base(source) == "spec.gen.go"; (file.Doc != nil) != isSpec || !ast.IsGenerated(file) {
			t.Errorf("%s: package comment %q, generated %t; want the comment in spec.gen.go and the mark in each file", source, file.Doc.Text(), ast.IsGenerated(file))
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				named[n.Type] = true
				types++
				if name := n.Name.Name; len(name) > longestName {
					t.Errorf("%s: type name of %d characters: %s", fset.Position(n.Pos()), len(name), name)
				}
			case *ast.StructType:
				if !named[n] {
					t.Errorf("%s: anonymous struct", fset.Position(n.Pos()))
				}
			case *ast.StarExpr:
				if id, ok := n.X.(*ast.Ident); ok && id.Name == "string" {
					t.Errorf("%s: pointer to a string", fset.Position(n.Pos()))
				}
			case *ast.Ident:
				if n.Name == "float32" {
					t.Errorf("%s: float32", fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if id, ok := n.X.(*ast.Ident); ok && id.Name == "time" && n.Sel.Name == "Time" {
					t.Errorf("%s: time.Time, which refuses a date that cannot be read", fset.Position(n.Pos()))
				}
			}
			return true
		})
		for _, comment := range file.Comments { // Inspect skips comments that belong to no node
			if strings.Contains(comment.Text(), "-----BEGIN") {
				t.Errorf("%s: a PEM block in a comment", fset.Position(comment.Pos()))
			}
		}
	}
	if types < 20 {
		t.Errorf("%d types: the committed files are not those of the contract", types)
	}
}

// The runtime is oapi-codegen's. It formats parameters in paths and in queries.
func TestGeneratedClientFormatsParametersWithTheRuntime(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../" + clientFile)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for l := range spec.All(View(committedContract(t), committedOperations(t))) {
		parameters, _ := l.Operation["parameters"].([]any)
		want += len(parameters)
	}
	if got := strings.Count(string(source), "runtime.StyleParamWithOptions("); got != want || want < 20 {
		t.Errorf("%d parameters are formatted by the runtime, want %d", got, want)
	}
}

func committedOperations(t *testing.T) spec.Operations {
	t.Helper()
	ops, err := spec.ReadOperations(os.DirFS(moduleRoot))
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func TestGenerateNamesTheFileThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Generate(t.TempDir(), map[string]any{}, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), configFile) {
		t.Errorf("error %v in a folder without a module", err)
	}
}
