package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func TestRowsHaveRoomAtOnceButWithinTheBody(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(Association{}); size > rowSize {
		t.Errorf("an association takes %d bytes, not %d", size, rowSize)
	}
	row := `{"service":"gateway","status":"active"}`
	for name, test := range map[string]struct {
		result string
		rows   int
		growth bool // the room may have been too small
	}{
		"none":              {`[]`, 0, false},
		"many":              {`[` + strings.Repeat(row+",", 999) + row + `]`, 1_000, false},
		"many short ones":   {`[` + strings.Repeat(`{},`, 999) + `{}]`, 1_000, true},
		"braces in a text":  {`[{"service":"` + strings.Repeat("{", 10_000) + `"}]`, 1, false},
		"braces in unknown": {`[{"x":[` + strings.Repeat(`{},`, 10_000) + `{}]}]`, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"success":true,"errors":[],"messages":[],"result":%s}`, test.result)
			list, err := decodeSuccess([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			room := cap(list.Associations) * rowSize
			if len(list.Associations) != test.rows || room > len(body) && !test.growth {
				t.Errorf("%d rows in %d bytes, for a body of %d bytes", len(list.Associations), room, len(body))
			}
		})
	}
}

// The members named here are some that a revision of the contract may add:
// internal/update runs this test with types that have them.
func TestMembersThatNobodyReadsCostNothing(t *testing.T) {
	t.Parallel()
	const wrong = `"since": 5, "labels": [7], "bindings": "none", "meta": {"a": 1}`
	notices := `[{"code": 1000, "message": "m", ` + wrong + `, "source": {"pointer": "/p", ` + wrong + `}}]`
	list, err := decodeSuccess([]byte(`{"success": true, ` + wrong + `, "errors": ` + notices + `, "messages": ` + notices + `,
		"result_info": {"count": 1, ` + wrong + `}, "result": [{"service": "gateway", "status": "active", ` + wrong + `}]}`))
	if err != nil || list.Info.Count != 1 || len(list.Errors) != 1 ||
		!slices.Equal(list.Associations, []Association{{Service: "gateway", Status: "active"}}) ||
		!slices.Equal(list.Messages, []Notice{{Code: 1000, Message: "m", Pointer: "/p"}}) {
		t.Errorf("got %+v, %v", list, err)
	}
}
