package api

import (
	"fmt"
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
