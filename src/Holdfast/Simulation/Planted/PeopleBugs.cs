using Holdfast.Claims;
using Holdfast.Keys;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Planted;

/// <summary>The next refresh token is drawn, not derived: who lost the answer and asks elsewhere gets another one.</summary>
internal sealed class RandomSuccessor : PlantedBug
{
    public override RefreshToken Successor(RefreshToken next, Products products) => next with { Mark = Base64.Encode(products.Entropy.Bytes(32)) };
}

/// <summary>A password by mail or by an administrator stands beside the old ones.</summary>
internal sealed class ResetReplacesNothing : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Credentials && !Equals(c.Values["proof"], "credential") ? With(c, ("replaces", "[]")) : c)],
    };

    internal static Change With(Change change, params ReadOnlySpan<(string Column, object? Value)> values)
    {
        var changed = new Dictionary<string, object?>(change.Values, StringComparer.Ordinal);
        foreach (var (column, value) in values)
        {
            changed[column] = value;
        }
        return change with { Values = changed };
    }
}

/// <summary>Each password counts as one that was given by the same old one: of several the later is taken, and a reset ends nothing.</summary>
internal sealed class UnprovenPasswordCounts : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Credentials ? ResetReplacesNothing.With(c, ("proof", "credential"), ("proven_by", "any")) : c)],
    };
}

/// <summary>A refresh leaves nothing behind.</summary>
internal sealed class SpendIsNotKept : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with { Changes = [.. decision.Changes.Where(c => c.Table != Schema.SessionSpends)] };
}

/// <summary>A proven address makes another user at each node.</summary>
internal sealed class UserIdByNode : PlantedBug
{
    public override Act Act(Act act, Products products) => act with { IdKey = ClusterKeys.Mac(act.IdKey, products.Node.Name) };
}

/// <summary>Who signs up with an address has it at once, before anything is proven.</summary>
internal sealed class SignUpClaimsAtOnce : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes =
        [
            .. decision.Changes, .. decision.Changes.Where(c => c.Table == Schema.PendingSignUps).Select(c => Claim.Give(
                Ground.Environment, Ground.IdKey, Claim.UserEmail, Addresses.Normal((string)c.Values["email"]!), "user_of_" + c.Id, 1, verified: true)),
        ],
    };
}

/// <summary>A request that is repeated is one of its own.</summary>
internal sealed class RepeatIsNotKnown : PlantedBug
{
    public override Act Act(Act act, Products products) => act with { Request = null };
}

/// <summary>An app is kept as nobody's.</summary>
internal sealed class EnrolledAppIsNotAskedFor : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Factors && Equals(c.Values.GetValueOrDefault("type"), Factor.Totp) ? ResetReplacesNothing.With(c, ("user_id", null)) : c)],
    };
}

/// <summary>New recovery codes stand beside the old ones.</summary>
internal sealed class RecoveryCodesReplaceNothing : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Factors && Equals(c.Values.GetValueOrDefault("type"), Factor.RecoveryCodes) ? ResetReplacesNothing.With(c, ("replaces", "[]")) : c)],
    };
}

/// <summary>What a passkey has counted is forgotten.</summary>
internal sealed class PasskeyCountIsNotKept : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) =>
        decision with { Changes = [.. decision.Changes.Where(c => c.Table != Schema.Factors || c.Values.ContainsKey("type"))] };
}

/// <summary>A mail that was sent waits still.</summary>
internal sealed class SentMailIsNotNoted : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) =>
        decision with { Changes = [.. decision.Changes.Where(c => c.Table != Schema.Mails || !c.Values.ContainsKey("outcome"))] };
}

/// <summary>Who accepts an invitation is a member, and the invitation goes on.</summary>
internal sealed class InvitationIsNotClaimed : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) =>
        decision with { Changes = [.. decision.Changes.Where(c => c.Table != Schema.Claims || !Equals(c.Values["kind"], Claim.Invitation))] };
}

/// <summary>A session goes on in whatever organization was asked for.</summary>
internal sealed class SwitchWithoutMembership : PlantedBug
{
    public override Decision<Ruling<RefreshToken>> Refresh(View view, Act act, Products products, RefreshToken token, string? organizationId) =>
        base.Refresh(view, act, products, token, null) is { Answer.Answer: { } next } granted ? Rule.Grant(next with { ActsIn = organizationId ?? next.ActsIn }, granted.Changes) : base.Refresh(view, act, products, token, null);
}

/// <summary>A session's row says another organization than its token.</summary>
internal sealed class SessionRowIsNotItsToken : PlantedBug
{
    protected override Decision<T> Spoil<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Sessions && c.Values.ContainsKey("organization_id") ? ResetReplacesNothing.With(c, ("organization_id", null)) : c)],
    };
}

/// <summary>A password that somebody typed into an application's form, before any mailbox was proven, counts as an administrator's.</summary>
internal sealed class UnprovenPasswordIsVouchedFor : PlantedBug
{
    public override Decision<T> AtPrimary<T>(Decision<T> decision) => decision with
    {
        Changes = [.. decision.Changes.Select(c => c.Table == Schema.Credentials && Equals(c.Values["proof"], "unproven") ? ResetReplacesNothing.With(c, ("proof", "administrator")) : c)],
    };
}
