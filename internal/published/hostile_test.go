package published

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Without a guard, a document of an accepted size could cost far more time or memory.
// The limits of the test are generous, so that it fails only without a guard.
func TestHostileDocumentsAreBoundedInTimeAndMemory(t *testing.T) {
	const (
		longest = time.Minute
		most    = 1 << 30
	)
	use := func(schema string) []byte {
		return whole(t, "use: {type: string", "use: "+schema+"\n    unused: {type: string")
	}
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, i+1)
		}
		return b.String()
	}
	deep := func(n int) string {
		return strings.Repeat(`{"items":`, n) + "{}" + strings.Repeat("}", n)
	}
	doubling := "{type: object, properties: {a: {$ref: '#/components/schemas/d0'}}}\n" +
		many(40, "    d%d: {type: object, properties: {a: {$ref: '#/components/schemas/d%[2]d'}, b: {$ref: '#/components/schemas/d%[2]d'}}}\n") + "    d40: {type: string}\n"
	chain := "{$ref: '#/components/schemas/c0'}\n" +
		many(20_000, "    c%d: {$ref: '#/components/schemas/c%d'}\n") + "    c20000: {type: string}\n"
	tests := map[string]struct {
		source []byte
		want   string // in the error; empty: no error
	}{
		"references that double":       {use(doubling), "expands to more than 60000 values"},
		"long chain of references":     {use(chain), "nested deeper than 500 levels"},
		"circle of two":                {use("{$ref: '#/components/schemas/c0'}\n    c0: {$ref: '#/components/schemas/c1'}\n    c1: {$ref: '#/components/schemas/c0'}\n"), "refers to itself"},
		"nested 10,000 deep in JSON":   {[]byte(`{"openapi":"3.0.3","x":` + deep(10_000) + `}`), "exceeded max depth"},
		"nested 9,000 deep in JSON":    {[]byte(`{"openapi":"3.0.3","info":{},"paths":{},"x":` + deep(9_000) + `}`), "is not in the document"},
		"nested 10,000 deep in flow":   {[]byte("openapi: 3.0.3\nx: " + deep(10_000)), "exceeded max depth"},
		"never closed":                 {[]byte("openapi: 3.0.3\nx: " + strings.Repeat("[", 4<<20)), "exceeded max depth"},
		"never closed in JSON":         {[]byte(`{"x":` + strings.Repeat("[", 4<<20)), "exceeded max depth"},
		"nested 600 deep in a schema":  {use(deep(600)), "nested deeper than 500 levels"},
		"huge number":                  {use("{type: number, maximum: 1" + strings.Repeat("0", 100_000) + "}"), "not an OpenAPI document"},
		"huge exponent":                {[]byte(`{"openapi":"3.0.3","x":1e` + strings.Repeat("9", 1000) + `}`), "value out of range"},
		"anchors that multiply":        {[]byte("openapi: 3.0.3\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + many(30, "b%[2]d: &a%[2]d [*a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d, *a%[1]d]\n")), "aliases expand to more than"},
		"anchor of itself":             {[]byte("openapi: 3.0.3\nx: &x {y: *x}\n"), "nested deeper than 1000 levels"},
		"merge keys":                   {[]byte("openapi: 3.0.3\nx: &x {y: 1}\nz: {<<: *x}\n"), "YAML merge keys"},
		"one key again and again":      {[]byte("openapi: 3.0.3\n" + strings.Repeat("x: 1\n", 100_000)), "key \"x\" occurs twice"},
		"very many keys":               {[]byte(`{"openapi":"3.0.3","info":{},"x":{` + many(100_000, `"k%d":%d,`) + `"l":0}}`), "is not in the document"},
		"very long text":               {[]byte(`{"openapi":"3.0.3","info":{},"x":"` + strings.Repeat("y", 30<<20) + `"}`), "is not in the document"},
		"large example used by many":   {use("{type: object, properties: {" + many(3000, "p%[1]d: {$ref: '#/components/schemas/big'}, ") + "}}\n    big: {example: " + strings.Repeat("x", 100_000) + "}\n"), "bytes of text"},
		"very long title":              {whole(t, "title: Things", "title: "+strings.Repeat("x", 5<<20)), "bytes of text"},
		"very long key":                {use("{type: object, properties: {? " + strings.Repeat("k", 5<<20) + "\n : {}}}"), "bytes of text"},
		"choices that multiply":        {whole(t, "use: {type: string", "use: {allOf: ["+strings.Repeat("{oneOf: [{type: string}, {type: object}]}, ", 500)+"]"), ""}, // Merge refuses them
		"many comments":                {[]byte("openapi: 3.0.3\ninfo: {}\n" + strings.Repeat("# comment\n", 200_000)), "is not in the document"},
		"gzip that unpacks to 640 MiB": {bytes.Repeat(packed(t, make([]byte, 32<<20)), 20), "larger than"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := usable("doc", tt.source, operations)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %.300v, want one with %q", err, tt.want)
			}
			if err != nil && (len(err.Error()) > 2000 || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error is not one short line: %.300q", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; took > longest || grown > most {
				t.Errorf("took %v and allocated %d MB", took, grown>>20)
			}
		})
	}
}

// Take reads no file and calls no URL that a document refers to.
func TestNothingOutsideTheDocumentIsRead(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
			select {
			case called <- struct{}{}:
			default:
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{
		"http://" + listener.Addr().String() + "/schema.json", "//" + listener.Addr().String() + "/x",
		"file://" + file, file, file + "#/a", "schema.json",
	} {
		if _, err := Take("doc", whole(t, "#/components/schemas/the list", target), operations); err == nil || !strings.Contains(err.Error(), "leaves the document") {
			t.Errorf("%s: error %v, want a refusal of the reference", target, err)
		}
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	<-done
	select {
	case <-called:
		t.Error("the server was called")
	default:
	}
}
