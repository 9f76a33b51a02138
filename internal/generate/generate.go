// Package generate makes the files of generated/: the contract, the Go code that
// oapi-codegen generates from a view of it, and the list of operations as Go code.
package generate

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"text/template"

	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

const (
	// Dir is the folder of the files, from the root of the module.
	Dir = "generated"

	contractFile = Dir + "/openapi.json"
	clientFile   = Dir + "/client.gen.go"
	specFile     = Dir + "/spec.gen.go"
	configFile   = "internal/generate/config.yaml"
)

// specSource is the template of spec.gen.go.
//
//go:embed templates/spec.tmpl
var specSource string

var specTemplate = template.Must(template.New("spec.tmpl").
	Funcs(template.FuncMap{"exported": codegen.UppercaseFirstCharacter}).Parse(specSource))

// Generate returns the files of generated/, by their paths from moduleRoot: the
// contract, the Go code of its [View], and the list of operations. It changes no file
// of the module. A [CodeError] is a fault of the contract or of the templates.
func Generate(moduleRoot string, contract spec.Object, ops spec.Operations) (map[string][]byte, error) {
	encoded, err := spec.Encode(contract)
	if err != nil {
		return nil, err
	}
	for _, op := range ops {
		found, err := op.Find(contract)
		for _, name := range op.Query { // the client sends only parameters of the contract
			if err == nil && !slices.ContainsFunc(spec.List(found.Operation, "parameters"), func(p any) bool { return spec.Child(p)["in"] == "query" && spec.Child(p)["name"] == name }) {
				return nil, &CodeError{fmt.Errorf("%s: %s: the contract has no query parameter %q: add it by an overlay action", spec.OperationsFile, op.Name, name)}
			}
		}
	}
	client, err := goCode(moduleRoot, View(contract, ops))
	if err != nil {
		return nil, err
	}
	var unformatted bytes.Buffer
	failed := specTemplate.Execute(&unformatted, ops)
	specCode, err := format.Source(unformatted.Bytes())
	if err = cmp.Or(failed, err); err != nil {
		return nil, err
	}
	return map[string][]byte{contractFile: encoded, clientFile: client, specFile: specCode}, nil
}

// CodeError reports a contract from which no Go code can be generated.
type CodeError struct{ error }

// codegenMutex guards oapi-codegen, which keeps its state in global variables.
var codegenMutex sync.Mutex

func goCode(moduleRoot string, doc spec.Object) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(moduleRoot, configFile))
	if err != nil {
		return nil, err
	}
	var config codegen.Configuration
	if err := spec.ParseYAML(data, true, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	for name, file := range config.OutputOptions.UserTemplates {
		text, err := os.ReadFile(filepath.Join(moduleRoot, file))
		if err != nil {
			return nil, err
		}
		config.OutputOptions.UserTemplates[name] = string(text)
	}
	source, err := generateSafely(doc, config.UpdateDefaults())
	if err != nil {
		return nil, &CodeError{err}
	}
	return []byte(source), nil
}

func generateSafely(doc spec.Object, config codegen.Configuration) (source string, err error) {
	defer spec.Guard(&err, "generating Go code")
	loaded, err := normalize.Load(doc)
	if err != nil {
		return "", err
	}
	codegenMutex.Lock()
	defer codegenMutex.Unlock()
	if source, err = codegen.Generate(loaded, config); err != nil {
		return "", fmt.Errorf("oapi-codegen: %w", err)
	}
	return source, nil
}
