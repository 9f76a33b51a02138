package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// row is a line of a table or of CSV: a certificate, or one use of it.
type row struct {
	*record
	use api.Use // zero if the row is not about a use
	now time.Time
}

// column is a column of tables and CSV. Its key is its name for --columns and in
// the header of CSV.
type column struct {
	key, title string
	// text returns the text in a table.
	text func(row) string
	// value returns the text in CSV; nil means text.
	value func(row) string
	// isNumber means that the text is a number that this program formats, or empty.
	isNumber bool
	// short returns the text for a narrow column; nil means text, shortened.
	short func(row) string
	// min is the width to which the column may be shortened; 0 means that it is never
	// shortened.
	min int
	// whole means that the width is either the full width or min.
	whole bool
}

var allColumns = []column{
	{key: "account_id", title: "ACCOUNT", text: func(r row) string { return r.Certificate.Ref.AccountID }, min: 9, whole: true},
	{key: "name", title: "NAME", text: func(r row) string { return r.Certificate.Name }, min: 12},
	{key: "certificate_id", title: "ID", text: func(r row) string { return r.Certificate.Ref.ID }, min: 9, whole: true},
	{key: "type", title: "TYPE", text: func(r row) string { return r.Certificate.Type }},
	{key: "ca", title: "CA", text: func(r row) string { return r.ca("CA", "leaf") }, value: func(r row) string { return r.ca("true", "false") }},
	{key: "usage", title: "USAGE", text: usageText, value: func(r row) string { return r.usage.String() }},
	{key: "expires_on", title: "EXPIRES", text: func(r row) string { return date(r.Certificate.ExpiresOn) }, value: func(r row) string { return timestamp(r.Certificate.ExpiresOn) }},
	{key: "days_left", title: "DAYS", text: daysLeft, isNumber: true},
	{key: "source", title: "SOURCE", text: func(r row) string { return string(r.use.Source) }},
	{key: "used_by", title: "USED BY", text: useOr((*record).usedBy), short: useOr((*record).shortUsedBy), value: useOr((*record).exactUses), min: 12},
	{key: "state", title: "STATE", text: func(r row) string { return inWords(r.state()) }, value: func(r row) string { return r.state() }},
	{key: "reason", title: "REASON", text: func(r row) string { return r.reason() }, min: 12},
	{key: "status", title: "STATUS", text: func(r row) string { return r.use.Status }, min: 8},
	{key: "issuer", title: "ISSUER", text: func(r row) string { return r.Certificate.Issuer }, min: 12},
	{key: "serial_number", title: "SERIAL", text: func(r row) string { return r.Certificate.SerialNumber }, min: 9},
	{key: "signature_algorithm", title: "SIGNATURE", text: func(r row) string { return r.Certificate.SignatureAlgorithm }, min: 9},
	{key: "uploaded_on", title: "UPLOADED", text: func(r row) string { return date(r.Certificate.UploadedOn) }, value: func(r row) string { return timestamp(r.Certificate.UploadedOn) }},
	{key: "gathered_at", title: "CHECKED (UTC)", text: func(r row) string { return timestamp(r.Evidence.GatheredAt) }},
	{key: "sources", title: "SOURCES", text: func(r row) string { return r.scopes() }, min: 12},
}

// dropOrder is the order in which columns that do not fit are dropped; name is never
// dropped. dropOrderOfUses is the order for a report about uses.
var (
	dropOrder       = append(slices.Clone(droppedFirst), "source", "used_by", "expires_on", "usage", "reason", "state")
	dropOrderOfUses = append(slices.Clone(droppedFirst), "reason", "state", "usage", "expires_on", "source", "used_by")
	droppedFirst    = []string{
		"sources", "gathered_at", "signature_algorithm", "serial_number", "issuer", "uploaded_on", "account_id", "type", "ca",
		"status", "certificate_id", "days_left",
	}
)

// growOrder is the order in which columns get spare width, up to a limit; 0 means up to
// their full width. Long names must not hide the uses.
var growOrder = []struct {
	key   string
	limit int
}{
	{"name", 18}, {"used_by", 28}, {"reason", 28}, {"name", 40},
	{"certificate_id", 0}, {"account_id", 0}, {"used_by", 0}, {"reason", 0}, {"name", 0}, {"status", 0},
	{"issuer", 0}, {"serial_number", 0}, {"signature_algorithm", 0}, {"sources", 0},
}

// kindOfReport is the subject of the rows of a report.
type kindOfReport int

const (
	reportList   kindOfReport = iota // certificates, without their usage
	reportUsage                      // uses of certificates
	reportAudit                      // certificates with their usage
	reportDelete                     // certificates with the outcome of their deletion
)

// defaultColumns are the columns of a report without --columns, and those that wide and
// csv add.
var defaultColumns = map[kindOfReport]struct{ brief, detailed string }{
	reportList:   {"name certificate_id type ca expires_on days_left", "uploaded_on issuer serial_number signature_algorithm"},
	reportUsage:  {"name certificate_id usage source used_by status", "type ca expires_on days_left gathered_at sources"},
	reportAudit:  {"name certificate_id usage expires_on days_left used_by", "type ca gathered_at sources"},
	reportDelete: {"name certificate_id state expires_on reason", "usage type ca gathered_at sources"},
}

// columnKeys returns the columns that a report has without --columns.
func columnKeys(kind kindOfReport, format string, severalAccounts bool) []string {
	keys := strings.Fields(defaultColumns[kind].brief)
	detailed := format == "wide" || format == "csv"
	if detailed {
		keys = append(keys, strings.Fields(defaultColumns[kind].detailed)...)
	}
	if detailed || severalAccounts {
		keys = append([]string{"account_id"}, keys...)
	}
	if format == "csv" { // expires_on says more, and stays true
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == "days_left" })
	}
	return keys
}

// columnsOf returns known columns by their keys.
func columnsOf(keys []string) (out []column) {
	for _, key := range keys {
		out = append(out, allColumns[slices.Index(knownColumns(), key)])
	}
	return out
}

func knownColumns() []string { return texts(allColumns, func(c column) string { return c.key }) }

func usageText(r row) string {
	if !r.lookedUp {
		return ""
	}
	return inWords(r.usage.String())
}

// inWords returns a value of JSON as people read it.
func inWords(value string) string { return strings.ReplaceAll(value, "_", " ") }

// ca returns one of two texts, or "" if the API did not report the kind of certificate.
func (r *record) ca(yes, no string) string {
	switch ca := r.Certificate.CA; {
	case ca == nil:
		return ""
	case *ca:
		return yes
	default:
		return no
	}
}

func date(t time.Time) string { return inUTC(t, time.DateOnly) }

// timestamp formats a time in RFC 3339, in UTC and whole seconds.
func timestamp(t time.Time) string { return inUTC(t, "2006-01-02T15:04:05Z") }

// inUTC formats a time; the text of an unknown time is empty.
func inUTC(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layout)
}

// daysLeft returns the whole days until the certificate expires, negative after that.
func daysLeft(r row) string {
	if r.Certificate.ExpiresOn.IsZero() {
		return ""
	}
	// Not Sub: its result is limited to 292 years, and the expiry may be in the year
	// 9999.
	expires := r.Certificate.ExpiresOn
	seconds := float64(expires.Unix()-r.now.Unix()) + float64(expires.Nanosecond()-r.now.Nanosecond())/1e9
	return strconv.Itoa(int(math.Floor(seconds / day.Seconds())))
}

// useOr returns the text function of a column with the use of the row. If the row is
// not about a use, the function returns all uses of the certificate.
func useOr(all func(*record) string) func(row) string {
	return func(r row) string {
		if r.use != (api.Use{}) {
			return r.use.Name
		}
		return all(r.record)
	}
}
