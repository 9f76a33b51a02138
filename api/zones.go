package api

import (
	"context"
	"iter"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listZones = operation{generated.ListZonesOperation, "list zones"}

// zonesPerPage is the largest page that the API accepts.
const zonesPerPage = 50

// Zone is a domain of an account.
type Zone struct {
	ID string `json:"id"`
	// Name is the domain name.
	Name string `json:"name"`
	// Status is "active", "pending" or another state of an open set.
	Status string `json:"status"`
}

// Zones lists the zones of an account that the credentials may read: zones that
// an API token does not cover are left out by the API, without a sign. Errors
// come as with [Client.Certificates].
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/zones/methods/list/.
func (c *Client) Zones(ctx context.Context, accountID string) iter.Seq2[Zone, error] {
	return func(yield func(Zone, error) bool) {
		if err := c.check(ctx, validateID("account id", accountID, maxAccountIDLength)); err != nil {
			yield(Zone{}, invalidArgument(listZones.text, err.Error()))
			return
		}
		get := func(ctx context.Context, number, perPage int64) (*page[Zone], *Error) {
			params := generated.ListZonesParams{AccountID: accountID, Page: float64(number), PerPage: float64(perPage)}
			rows := list[generated.Zone, Zone, *generated.Zone]{
				size: 64,
				convert: func(z *generated.Zone, _ []string) (Zone, error) {
					return Zone{z.ID, z.Name, z.Status}, validateID("the zone's id", z.ID, maxAccountIDLength)
				},
			}
			r, fail := c.do(ctx, listZones, callPolicy{admission: ctx}, func(ctx context.Context, edit generated.RequestEditorFn) (*http.Response, error) {
				return c.generated.ListZones(ctx, &params, edit)
			}, &rows)
			return &page[Zone]{r, rows.items}, fail
		}
		pages(ctx, listZones, zonesPerPage, get, func(z Zone) string { return z.ID })(yield)
	}
}
