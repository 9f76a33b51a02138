package update

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// collisions reports which members of an object would share a Go name, with each
// other or with a method of the generated type. The compiler names the Go side
// only, which the reader of a contract does not know.
func collisions(files map[string][]byte) []string {
	c := collector{methods: map[string]map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		// The compiler reports what does not parse.
		file, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, decl := range file.Decls {
			c.declaration(decl)
		}
	}
	return c.told()
}

type collector struct {
	structs []generatedStruct
	methods map[string]map[string]bool // by the receiver's type
}

type generatedStruct struct {
	name   string
	fields []string            // in order
	json   map[string][]string // the names in JSON of the fields that share a name in Go
}

func (c *collector) declaration(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil || len(decl.Recv.List) == 0 {
			return
		}
		receiver := decl.Recv.List[0].Type
		if pointer, ok := receiver.(*ast.StarExpr); ok {
			receiver = pointer.X
		}
		if named, ok := receiver.(*ast.Ident); ok {
			if c.methods[named.Name] == nil {
				c.methods[named.Name] = map[string]bool{}
			}
			c.methods[named.Name][decl.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok {
				if body, ok := spec.Type.(*ast.StructType); ok {
					c.structs = append(c.structs, structOf(spec.Name.Name, body))
				}
			}
		}
	}
}

func structOf(name string, body *ast.StructType) generatedStruct {
	s := generatedStruct{name: name, json: map[string][]string{}}
	for _, field := range body.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			continue
		}
		member, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		for _, id := range field.Names {
			if s.json[id.Name] == nil {
				s.fields = append(s.fields, id.Name)
			}
			s.json[id.Name] = append(s.json[id.Name], strconv.Quote(member))
		}
	}
	return s
}

func (c *collector) told() []string {
	var out []string
	for _, s := range c.structs {
		for _, field := range s.fields {
			members := strings.Join(s.json[field], " and ")
			switch {
			case len(s.json[field]) > 1:
				out = append(out, fmt.Sprintf("the JSON members %s of %s would share the Go name %s", members, s.name, field))
			case c.methods[s.name][field]:
				out = append(out, fmt.Sprintf("the JSON member %s of %s would have the Go name of a method, %s", members, s.name, field))
			}
		}
	}
	return out
}
