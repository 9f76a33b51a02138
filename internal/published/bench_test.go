package published

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// published adds a number of operations to the document that whole returns. Their
// schemas have the average size of the vendor's.
func published(tb testing.TB, others int) spec.Object {
	tb.Helper()
	doc, err := spec.Decode("whole", whole(tb))
	if err != nil {
		tb.Fatal(err)
	}
	paths := doc["paths"].(spec.Object)
	schemas := doc["components"].(spec.Object)["schemas"].(spec.Object)
	for i := range others {
		name := fmt.Sprintf("thing_%d", i)
		properties := spec.Object{}
		for p := range 8 {
			properties[fmt.Sprintf("property_%d", p)] = spec.Object{
				"type": "string", "description": strings.Repeat("Says something of the thing. ", 4), "example": "023e105f4ecef8ad9ca31a8372d0c353", "maxLength": 32.0,
			}
		}
		schemas[name] = spec.Object{"type": "object", "properties": properties, "required": []any{"property_1"}}
		paths[fmt.Sprintf("/accounts/{account_id}/things_%d", i)] = spec.Object{"get": spec.Object{
			"operationId": "list-" + name, "summary": "List things", "description": strings.Repeat("Lists the things of an account. ", 5),
			"parameters": []any{spec.Object{"in": "path", "name": "account_id", "required": true, "schema": spec.Object{"$ref": "#/components/schemas/id"}}},
			"responses": spec.Object{"200": spec.Object{"description": "things", "content": spec.Object{
				"application/json": spec.Object{"schema": spec.Object{"$ref": "#/components/schemas/" + name}}}}},
		}}
	}
	return doc
}

// peakHeap samples the heap until stop is called, which returns the maximum in MiB.
func peakHeap() (stop func() float64) {
	runtime.GC()
	var peak atomic.Uint64
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() float64 {
		close(done)
		<-finished
		return float64(peak.Load()) / (1 << 20)
	}
}

// The time per operation must not grow with the number of operations. The largest
// number is that of the vendor's document.
func BenchmarkTake(b *testing.B) {
	for _, others := range []int{375, 750, 1500} {
		doc := published(b, others)
		asJSON, err := spec.Encode(doc)
		if err != nil {
			b.Fatal(err)
		}
		asYAML := yamlText(b, doc)
		for _, encoding := range []struct {
			name   string
			source []byte
		}{{"json", asJSON}, {"json.gz", packed(b, asJSON)}, {"yaml", asYAML}} {
			b.Run(fmt.Sprintf("%s/%d", encoding.name, others), func(b *testing.B) {
				b.SetBytes(int64(len(encoding.source)))
				b.ReportAllocs()
				peak := peakHeap()
				for b.Loop() {
					if _, err := Take("doc", encoding.source, operations); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(peak(), "peak-MiB")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(others), "µs/operation")
			})
		}
	}
}

// yamlText writes a document in YAML's own style.
func yamlText(tb testing.TB, doc spec.Object) []byte {
	tb.Helper()
	data, err := yaml.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
