package session

import (
	"maps"
	"slices"
	"time"
	"unique"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// person is a user as it is held: less than half of an idp.User, because there
// are many.
type person struct {
	text             string    // username, name, e-mail address and password hash, one after another
	ends             [4]uint32 // where each of them ends
	path, kind       unique.Handle[string]
	uuid             idp.UUID
	joined, updated  int64 // Unix nanoseconds, as the other times
	login, changed   int64 // 0 = never
	sessions, tokens int64 // the generations
	attributes       idp.Attributes
	member           *membership // nil = of nothing
	id               idp.UserID
	active           bool

	renewPassword, renewFactor bool
}

type membership struct {
	superuser   bool
	direct, all []idp.GroupID
	names       []string
	roles       []string
}

func pack(u *idp.User) *person {
	p := &person{path: unique.Make(u.Path), kind: unique.Make(string(u.Type)), uuid: u.UUID,
		joined: u.JoinedAt.UnixNano(), updated: u.UpdatedAt.UnixNano(), login: moment(u.LastLoginAt), changed: moment(u.PasswordChangedAt),
		sessions: u.SessionGeneration, tokens: u.TokenGeneration, id: u.ID, active: u.IsActive, renewPassword: u.RenewPassword, renewFactor: u.RenewFactor}
	for i, text := range []string{u.Username, u.Name, u.Email, u.Password} {
		p.text += text
		p.ends[i] = uint32(len(p.text))
	}
	if len(u.Attributes) > 0 {
		p.attributes = maps.Clone(u.Attributes)
	}
	if u.IsSuperuser || len(u.AllGroups) > 0 || len(u.RoleNames) > 0 {
		p.member = &membership{u.IsSuperuser, slices.Clip(slices.Clone(u.Groups)), slices.Clip(slices.Clone(u.AllGroups)),
			slices.Clip(slices.Clone(u.GroupNames)), slices.Clip(slices.Clone(u.RoleNames))}
	}
	return p
}

// into unpacks the user. What it refers to is shared: nobody may change it.
func (p *person) into(u *idp.User) {
	*u = idp.User{ID: p.id, UUID: p.uuid, Username: p.text[:p.ends[0]], Name: p.text[p.ends[0]:p.ends[1]],
		Email: p.text[p.ends[1]:p.ends[2]], Password: p.text[p.ends[2]:p.ends[3]], Path: p.path.Value(),
		Type: idp.UserType(p.kind.Value()), IsActive: p.active, JoinedAt: when(p.joined), UpdatedAt: when(p.updated),
		LastLoginAt: momentOf(p.login), PasswordChangedAt: momentOf(p.changed),
		SessionGeneration: p.sessions, TokenGeneration: p.tokens, RenewPassword: p.renewPassword, RenewFactor: p.renewFactor,
		Groups: []idp.GroupID{}, AllGroups: []idp.GroupID{}, GroupNames: []string{}, RoleNames: []string{}}
	u.Attributes = make(idp.Attributes, len(p.attributes))
	maps.Copy(u.Attributes, p.attributes)
	if m := p.member; m != nil {
		u.IsSuperuser, u.Groups, u.AllGroups, u.GroupNames, u.RoleNames = m.superuser, m.direct, m.all, m.names, m.roles
	}
}

func moment(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixNano()
}

func momentOf(nanoseconds int64) *time.Time {
	if nanoseconds == 0 {
		return nil
	}
	t := when(nanoseconds)
	return &t
}
