package codegen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// What makes generated Go hard to use, checked on the committed files.
func TestGeneratedGoIsReadable(t *testing.T) {
	t.Parallel()
	const longestName = 40
	sources, err := filepath.Glob("../../" + Dir + "/*.gen.go")
	if err != nil || len(sources) < 3 {
		t.Fatalf("found %v, %v", sources, err)
	}
	fset := token.NewFileSet()
	named := map[ast.Expr]bool{}
	for _, source := range sources {
		file, err := parser.ParseFile(fset, source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil || !ast.IsGenerated(file) {
			t.Errorf("%s: package comment %q, generated %t; want only the mark of a generated file", source, file.Doc.Text(), ast.IsGenerated(file))
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				named[n.Type] = true
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
			}
			return true
		})
	}
}

func TestStagingFolderIsRemoved(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if _, err := Generate(t.Context(), t.TempDir(), map[string]any{}, map[string]any{}); err == nil {
		t.Fatal("no error in a folder without a module")
	}
	left, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestCrashOfTheGeneratorIsToldInOneLine(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]string{
		"panic: bad\n\tmore\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1\nexit status 2\n": "panic: bad more",
		"fatal error: stack overflow\n\nruntime stack:\nruntime.throw()\n":                      "fatal error: stack overflow",
		"error: no name\nfor goroutine 1 \n":                                                    "error: no name for goroutine 1",
	} {
		if got := withoutStack(output); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
