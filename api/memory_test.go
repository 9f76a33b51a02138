package api

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

const largeSize = 8 << 20

// largeBody returns a response of 8 MiB with a list that repeats one item.
func largeBody(before, item, after string) string {
	n := (largeSize - len(before) - len(after)) / (len(item) + 1)
	return before + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + after
}

// Peak memory is at most the total of allocations, which can be measured exactly.
func TestMemoryOfAResponseIsBoundedByItsSize(t *testing.T) {
	const before, after = `{"success":true,"errors":[],"messages":[],"result":[`, `]}`
	associations := func() result { rows := associationRows(); return &rows }
	certificates := func() result { return certificateRows() }
	hostnames := func() result { return new(object[generated.HostnameAssociations, *generated.HostnameAssociations]) }
	for name, c := range map[string]struct {
		body   string
		result func() result
	}{
		"rows":         {largeBody(before, `{}`, after), associations},
		"certificates": {largeBody(before, `{"id":"a","name":"b"}`, after), certificates},
		"messages":     {largeBody(`{"success":true,"result":[],"messages":[`, `{}`, after), associations},
		"errors":       {largeBody(`{"success":true,"result":[],"errors":[`, `{"code":1}`, after), associations},
		"hostnames":    {largeBody(`{"success":true,"result":{"hostnames":[`, `"a"`, `]}}`), hostnames},
		"hidden rows":  {largeBody(before+`{"service":"`, `{{{{`, `"}]}`), associations},
	} {
		body := []byte(c.body)
		var err error
		took := allocated(func() { _, err = decode(body, c.result(), nil) })
		t.Logf("%-20s %5.2f times the size: %v", name, float64(took)/largeSize, err)
		if largeSize+took > 4*largeSize {
			t.Errorf("%s: %d MiB for a body of 8 MiB, besides the body", name, took>>20)
		}
		if err != nil && !errors.Is(err, strictjson.ErrTooMany) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for list, item := range map[string]string{"errors": `{}`, "messages": `7`, "unknown": `"m"`} {
		body := []byte(largeBody(`{"success":false,"`+list+`":[`, item, after))
		took := allocated(func() { decodeFailure(body, strings.Clone) })
		if largeSize+took > 4*largeSize {
			t.Errorf("a failure with %s of %s: %d MiB for a body of 8 MiB, besides the body", list, item, took>>20)
		}
	}
}

func allocated(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
