package api

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

func TestRowsAreAllocatedWithinTheSizeOfTheBody(t *testing.T) {
	t.Parallel()
	row := `{"service":"gateway","status":"active"}`
	for name, test := range map[string]struct {
		result string
		rows   int
		growth bool // the first allocation may have been too small
	}{
		"none":                        {`[]`, 0, false},
		"many":                        {`[` + strings.Repeat(row+",", 999) + row + `]`, 1_000, false},
		"many short ones":             {`[` + strings.Repeat(`{},`, 999) + `{}]`, 1_000, true},
		"braces in a text":            {`[{"service":"` + strings.Repeat("{", 10_000) + `"}]`, 1, false},
		"braces in an unknown member": {`[{"x":[` + strings.Repeat(`{},`, 10_000) + `{}]}]`, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"success":true,"errors":[],"messages":[],"result":%s}`, test.result)
			rows := associationRows()
			if _, err := decode([]byte(body), &rows, nil); err != nil {
				t.Fatal(err)
			}
			room := cap(rows.items) * int(unsafe.Sizeof(Association{}))
			if len(rows.items) != test.rows || room > len(body) && !test.growth {
				t.Errorf("%d rows in %d bytes, for a body of %d bytes", len(rows.items), room, len(body))
			}
		})
	}
}

// A revision of the contract may add these members to the generated types. This test
// must then pass too.
func TestMembersThatAreNotReadMayHaveAnyForm(t *testing.T) {
	t.Parallel()
	const wrong = `"since": 5, "labels": [7], "bindings": "none", "meta": {"a": 1}`
	notices := `[{"code": 1000, "message": "m", ` + wrong + `, "source": {"pointer": "/p", ` + wrong + `}}]`
	rows := associationRows()
	reply, err := decode([]byte(`{"success": true, `+wrong+`, "errors": `+notices+`, "messages": `+notices+`,
		"result_info": {"count": 1, `+wrong+`}, "result": [{"service": "gateway", "status": "active", `+wrong+`}]}`), &rows, nil)
	if err != nil || reply.info.Count != 1 || len(reply.errors) != 1 ||
		!slices.Equal(rows.items, []Association{{Service: "gateway", Status: "active"}}) ||
		!slices.Equal(reply.messages, []Notice{{Code: 1000, Message: "m", Pointer: "/p"}}) {
		t.Errorf("got %+v, %+v, %v", rows.items, reply, err)
	}
}

func TestTheFirst100MalformedMembersOfAListAreNamed(t *testing.T) {
	t.Parallel()
	for _, members := range [][]string{{"/name"}, {"/issuer", "/name", "/signature"}} {
		rows, item := certificateRows(), `{"id":"b"`
		for _, member := range members {
			item += `,"` + member[1:] + `":7`
		}
		item += "}"
		if _, err := decode([]byte(`{"success":true,"result":[`+strings.Repeat(item+",", 149)+item+`]}`), rows, nil); err != nil {
			t.Fatal(err)
		}
		for i, cert := range rows.items {
			named := members[:max(0, min(len(members), 100-i*len(members)))]
			if cert.Name != "" || !slices.Equal(cert.Malformed, named) {
				t.Errorf("item %d: %q, malformed %q, want %q", i, cert.Name, cert.Malformed, named)
			}
		}
		if len(rows.items) != 150 {
			t.Errorf("%d items", len(rows.items))
		}
	}
}

func certificateRows() *list[generated.Certificate, Certificate, *generated.Certificate] {
	return &list[generated.Certificate, Certificate, *generated.Certificate]{convert: func(cert *generated.Certificate, malformed []string) (Certificate, error) {
		return newCertificate("a", cert, malformed)
	}}
}

const largeSize = 4 << 20

// largeBody returns a response of largeSize with a list that repeats one item.
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
		"rows":             {largeBody(before, `{}`, after), associations},
		"certificates":     {largeBody(before, `{"id":"a","name":"b"}`, after), certificates},
		"messages":         {largeBody(`{"success":true,"result":[],"messages":[`, `{}`, after), associations},
		"errors":           {largeBody(`{"success":true,"result":[],"errors":[`, `{"code":1}`, after), associations},
		"hostnames":        {largeBody(`{"success":true,"result":{"hostnames":[`, `"a"`, `]}}`), hostnames},
		"braces in a text": {largeBody(before+`{"service":"`, `{{{{`, `"}]}`), associations},
	} {
		body := []byte(c.body)
		var err error
		took := allocated(func() { _, err = decode(body, c.result(), nil) })
		t.Logf("%-20s %5.2f times the size: %v", name, float64(took)/largeSize, err)
		if largeSize+took > 4*largeSize {
			t.Errorf("%s: %d MiB for a body of 4 MiB, besides the body", name, took>>20)
		}
		if err != nil && !errors.Is(err, strictjson.ErrTooMany) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for list, item := range map[string]string{"errors": `{}`, "messages": `7`, "unknown": `"m"`} {
		body := []byte(largeBody(`{"success":false,"`+list+`":[`, item, after))
		took := allocated(func() { decodeFailure(body, strings.Clone) })
		if largeSize+took > 4*largeSize {
			t.Errorf("a failure with %s of %s: %d MiB for a body of 4 MiB, besides the body", list, item, took>>20)
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
