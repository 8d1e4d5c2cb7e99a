package restore

import (
	"context"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// present is what is so of an account now.
type present struct {
	user  *idp.User
	roles []string // had directly
	first string   // the address before the first change since the suspected moment
}

// maxRoles is how many roles an account can have directly (access).
const maxRoles = 1000

func readPresent(ctx context.Context, repos idp.Repos, u *idp.User) (*present, error) {
	p := &present{user: u}
	if len(u.RoleNames) == 0 { // then it has none directly either
		return p, nil
	}
	found, err := repos.Roles.Find(ctx, idp.RoleFilter{UserID: &u.ID, Paging: idp.Paging{Limit: maxRoles}})
	for i := range found.Items {
		p.roles = append(p.roles, found.Items[i].Name)
	}
	return p, err
}

// settle says of a change what is left to revert. What was reverted before is done, even
// where it was changed again since: that is a change of its own.
func (n *present) settle(ctx context.Context, repos idp.Repos, c *Change, reverted bool) error {
	for i := range c.parts {
		p := &c.parts[i]
		state, open, err := n.stateOf(ctx, repos, p)
		if err != nil {
			return err
		}
		p.open = open && !reverted
		c.Open = c.Open || p.open
		if i == 0 || p.open {
			c.State = state
		}
	}
	if reverted {
		c.State = "reverted"
	}
	c.Text = sentences(c.parts)
	return nil
}

// stateOf says how things are with a part now, and whether there is anything to revert.
func (n *present) stateOf(ctx context.Context, repos idp.Repos, p *part) (state string, open bool, err error) {
	switch p.kind {
	case KindToken:
		return n.token(ctx, repos, p)
	case KindConsent:
		return n.consent(ctx, repos, p)
	case KindEmail:
		switch {
		case p.fixed != "":
			return p.fixed, false, nil
		case n.user.Email == p.key || n.first != "" && n.user.Email == n.first:
			return "is what it was before", false, nil
		case n.user.Email != p.name:
			return "was changed again since", true, nil
		}
		return "still so", true, nil
	case KindGroup:
		return n.group(ctx, repos, p)
	}
	return n.role(ctx, repos, p)
}

func (n *present) role(ctx context.Context, repos idp.Repos, p *part) (string, bool, error) {
	has := slices.Contains(n.roles, p.key)
	if !p.group.IsZero() {
		g, err := repos.Groups.Get(ctx, p.group)
		if idp.Is(err, idp.CodeNotFound) {
			return "the group was deleted", false, nil
		}
		if err != nil {
			return "", false, err
		}
		held, err := repos.Roles.Find(ctx, idp.RoleFilter{GroupID: &p.group, Name: &p.key, Paging: idp.Paging{Limit: 1}})
		if err != nil {
			return "", false, err
		}
		p.groupName, has = g.Name, len(held.Items) > 0
	}
	if has == p.gone {
		return "not so any more", false, nil
	}
	if p.gone {
		if _, err := repos.Roles.GetByName(ctx, p.key); idp.Is(err, idp.CodeNotFound) {
			return "the role was deleted", false, nil
		} else if err != nil {
			return "", false, err
		}
	}
	return "still so", true, nil
}

func (n *present) token(ctx context.Context, repos idp.Repos, p *part) (string, bool, error) {
	id, err := idp.ParseID[idp.Token](p.key)
	if err != nil {
		return "the log does not say which", false, nil
	}
	t, err := repos.Tokens.Get(ctx, id)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return "revoked", false, nil
	case err != nil:
		return "", false, err
	case t.UserID != n.user.ID || !t.Live:
		return "ended", false, nil
	}
	return "still works", true, nil
}

func (n *present) consent(ctx context.Context, repos idp.Repos, p *part) (string, bool, error) {
	id, err := strconv.ParseInt(p.key, 10, 32)
	if err != nil {
		return "the log does not say which", false, nil
	}
	c, err := repos.Consents.Get(ctx, idp.ConsentID(id))
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return "withdrawn", false, nil
	case err != nil:
		return "", false, err
	case c.UserID != n.user.ID || !c.Live:
		return "ended", false, nil
	}
	return "still given", true, nil
}

func (n *present) group(ctx context.Context, repos idp.Repos, p *part) (string, bool, error) {
	id, err := idp.ParseID[idp.Group](p.key)
	if err != nil {
		return "the log does not say which", false, nil
	}
	g, err := repos.Groups.Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		if p.name == "" {
			p.name = p.key
		}
		return "the group was deleted", false, nil
	}
	if err != nil {
		return "", false, err
	}
	p.name = g.Name
	if slices.Contains(n.user.Groups, id) != p.gone {
		return "still so", true, nil
	}
	return "not so any more", false, nil
}

// concerns reports whether parts are about the account: those of a group's roles are
// while it is in that group.
func concerns(parts []part, u *idp.User) bool {
	return parts[0].group.IsZero() || slices.Contains(u.AllGroups, parts[0].group)
}
