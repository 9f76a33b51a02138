package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sharedNames are the names of package generated that belong to no operation.
var sharedNames = []string{
	"Operation", "ResponseInfo", "ResultInfo", // the envelope
	"Client", "NewClient", "WithHTTPClient", "WithRequestEditorFn", "RequestEditorFn",
}

// operationUsers are the files that name operations without declaring one.
var operationUsers = []string{"certificate.go", "source_hostnames.go", "uploadcheck.go"}

// apiFile is a parsed file of package api.
type apiFile struct {
	name string
	tree *ast.File
	// operations are the operations that the file declares, by variable.
	operations map[string]string
}

func apiFiles(t *testing.T) []apiFile {
	t.Helper()
	paths, err := filepath.Glob("../../api/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []apiFile
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		f := apiFile{filepath.Base(path), tree, map[string]string{}}
		ast.Inspect(tree, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if name := declaredOperation(spec.Values[0]); name != "" {
					f.operations[spec.Names[0].Name] = name
				}
			}
			return true
		})
		out = append(out, f)
	}
	return out
}

// declaredOperation returns XOperation of operation{generated.XOperation, …}, or "".
func declaredOperation(value ast.Expr) string {
	literal, ok := value.(*ast.CompositeLit)
	if !ok || len(literal.Elts) == 0 {
		return ""
	}
	if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "operation" {
		return ""
	}
	return generatedName(literal.Elts[0])
}

// generatedName returns X of generated.X, or "".
func generatedName(n ast.Node) string {
	if selector, ok := n.(*ast.SelectorExpr); ok {
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "generated" {
			return selector.Sel.Name
		}
	}
	return ""
}

// A file of package api that declares no operation, and is not in operationUsers, is
// part of the core. The core names no operation, and no path or type of one.
func TestTheCoreNamesNoOperation(t *testing.T) {
	t.Parallel()
	files := apiFiles(t)
	variables, methods := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		for variable, operation := range f.operations {
			variables[variable] = true
			methods[strings.TrimSuffix(operation, "Operation")] = true
		}
	}
	if len(methods) < 11 {
		t.Errorf("only %d operations are declared: %v", len(methods), methods)
	}
	core := 0
	var users []string
	for _, f := range files {
		if len(f.operations) > 0 {
			continue
		}
		isUser, problems := slices.Contains(operationUsers, f.name), 0
		ast.Inspect(f.tree, func(n ast.Node) bool {
			problem := ""
			switch n := n.(type) {
			case *ast.SelectorExpr:
				name := generatedName(n)
				if methods[n.Sel.Name] || name != "" && !slices.Contains(sharedNames, name) {
					problem = n.Sel.Name
				}
			case *ast.Ident:
				if variables[n.Name] {
					problem = n.Name
				}
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if n.Kind == token.STRING && err == nil && (strings.Contains(text, "accounts/") || strings.Contains(text, "zones/")) {
					problem = n.Value
				}
			}
			if problem == "" {
				return true
			}
			if problems++; !isUser {
				t.Errorf("api/%s is part of the core and names %s, which belongs to an operation", f.name, problem)
			}
			return true
		})
		switch {
		case !isUser:
			core++
		case problems > 0:
			users = append(users, f.name)
		}
	}
	if !slices.Equal(users, operationUsers) {
		t.Errorf("of operationUsers, only %q name operations without declaring one", users)
	}
	if core < 20 {
		t.Errorf("only %d files are part of the core", core)
	}
}

// withoutRow are the methods of Client that the two tables may lack: they write, send
// nothing, or combine reads that have rows.
var withoutRow = []string{"AllAssociations", "Audit", "CloseIdleConnections", "DeleteUnused", "Evidence", "Inventory", "Upload", "WaitUnused"}

func TestEveryReadHasARowInTheTablesOfFaultsAndHostileInput(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, f := range apiFiles(t) {
		for _, d := range f.tree.Decls {
			if method, ok := d.(*ast.FuncDecl); ok && method.Name.IsExported() && method.Recv != nil && types.ExprString(method.Recv.List[0].Type) == "*Client" {
				found[method.Name.Name] = true
			}
		}
	}
	for _, name := range withoutRow {
		if !found[name] {
			t.Errorf("withoutRow has %s, which is not a method of Client", name)
		}
		delete(found, name)
	}
	if len(found) < 5 {
		t.Errorf("only %d reads: %v", len(found), found)
	}
	for _, table := range []string{"tests/faults/operations_test.go", "tests/hostile/main_test.go"} {
		text, err := os.ReadFile("../../" + table)
		if err != nil {
			t.Fatal(err)
		}
		for name := range found {
			if !strings.Contains(string(text), "\n\t{\""+name+"\", ") {
				t.Errorf("%s has no row for Client.%s: add one to operations", table, name)
			}
		}
	}
}
