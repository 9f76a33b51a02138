package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// A pattern in a package variable would link package regexp into each program that
// imports the client, and make a small program 3 % larger.
func TestNoPatternIsLinkedIntoEveryProgram(t *testing.T) {
	t.Parallel()
	files := 0
	for _, dir := range []string{"api", "api/internal/quota", "api/internal/secret", "generated", "internal/strictjson"} {
		paths, err := filepath.Glob("../../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			files++
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range tree.Decls {
				if variables, ok := decl.(*ast.GenDecl); ok && variables.Tok == token.VAR {
					ast.Inspect(variables, func(n ast.Node) bool {
						if pkg, ok := n.(*ast.Ident); ok && pkg.Name == "regexp" {
							t.Errorf("%s: a variable of the package needs package regexp", path)
						}
						return true
					})
				}
			}
		}
	}
	if files < 40 {
		t.Errorf("only %d files were read", files)
	}
}
