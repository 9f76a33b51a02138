package main

import (
	"fmt"
	"io"
	"runtime"
	"testing"
)

// TestMemoryOfALongList is not parallel: it measures the heap.
func TestMemoryOfALongList(t *testing.T) {
	const lines = 80_000
	r, w := io.Pipe()
	go func() {
		for i := range lines {
			fmt.Fprintf(w, "023e105f4ecef8ad9ca31a8372d0c353/%08x-0c35-4c7f-82c7-8e9487d3ff60\n", i)
		}
		w.Close()
	}()
	before := heap()
	in := newInput("")
	defer in.close()
	if err := in.addLines(r, "test"); err != nil {
		t.Fatal(err)
	}
	if in.total != lines {
		t.Fatalf("%d certificates, want %d", in.total, lines)
	}
	perLine := float64(heap()-before) / lines
	t.Logf("%.1f bytes of heap for each line of 70", perLine)
	if perLine > 60 {
		t.Errorf("%.1f bytes of heap for each line: the list is held in memory", perLine)
	}

	// Streaming formats keep nothing of what they have printed.
	for _, format := range []string{"json", "jsonl", "csv"} {
		out, err := newPrinter(format, io.Discard, palette{}, false)
		if err != nil {
			t.Fatal(err)
		}
		sample := sampleAnswers()
		before := heap()
		for i := range 20_000 {
			if err := out.print(sample[i%len(sample)]); err != nil {
				t.Fatal(err)
			}
		}
		if grown := heap() - before; grown > 1<<20 {
			t.Errorf("%s: %d bytes of heap after 20,000 answers", format, grown)
		}
		runtime.KeepAlive(out)
	}
	runtime.KeepAlive(in)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
