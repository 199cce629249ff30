using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Planted;

/// <summary>The node decides, answers, and only then hands the decision to its writer.</summary>
internal sealed class AnswerBeforeCommit : PlantedBug
{
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(5);

    public override Task<(T Answer, int Copies)> RecordAsync<T>(Products products, World world, Func<View, Decision<T>> decide)
    {
        var decision = products.Database.Read(decide);
        world.After(Later, products.Node.Life!, "records late", () => _ = RecordLateAsync(products, decision));
        return Task.FromResult((decision.Answer, 1));
    }

    private static async Task RecordLateAsync<T>(Products products, Decision<T> decision)
    {
        try
        {
            await products.Database.RecordAsync(_ => decision);
        }
        catch (StorageUnavailableException)
        {
            // Nobody is told any more.
        }
    }
}

/// <summary>A fact is answered when the primary has been asked whether it is well.</summary>
internal sealed class FactWaitsForThePrimary : PlantedBug
{
    public override async Task<(T Answer, int Copies)> RecordAsync<T>(Products products, World world, Func<View, Decision<T>> decide)
    {
        var recorded = await base.RecordAsync(products, world, decide);
        try
        {
            await products.Database.WriteAsync(_ => Decide.Nothing(true), CancellationToken.None);
        }
        catch (StorageUnavailableException)
        {
            // It has been kept all the same.
        }
        return recorded;
    }
}

/// <summary>A client that forgets its idempotency key.</summary>
internal sealed class RetryAsNew : PlantedBug
{
    public override string Key(string key, int attempt) => $"{key}/{attempt}";
}

/// <summary>A node that has a code's row redeems the code, whoever issued it.</summary>
internal sealed class AnyNodeRedeems : PlantedBug
{
    public override Task<Redemption?> RedeemAsync(Products products, string code, string request)
    {
        var id = Caller.Hash(code);
        var found = products.Database.Read(view => view.Find<Code>("SELECT authority AS Authority, profile_id AS ProfileId, expires_at AS ExpiresAt FROM sso_codes WHERE id = @id", new { id }));
        return found is null || found.Authority == products.Database.Incarnation || products.SignIns.FindProfile(Ground.Environment, found.ProfileId, id) is not { } profile
            ? base.RedeemAsync(products, code, request)
            : products.Database.RecordAsync<Redemption?>(view => view.Find<long>("SELECT count(*) FROM spends WHERE id = @id", new { id }) > 0
                ? Decide.Nothing<Redemption?>(null)
                : Decide.To<Redemption?>(new Redemption(profile, id), Change.To(Schema.Spends, id, ("environment_id", Ground.Environment), ("kind", "sso_code"), ("request", request),
                    ("created_at", products.Clock.GetUtcNow().ToUnixTimeMilliseconds()), ("expires_at", found.ExpiresAt))));
    }

    private sealed record Code(string Authority, string ProfileId, long ExpiresAt);
}

/// <summary>A lift takes away all that stands when it is written, and not only what whoever lifts had seen.</summary>
internal sealed class LiftByTime : PlantedBug
{
    public override Decision<IReadOnlyList<Change>> Lift(View primary, string subject, IReadOnlyList<Change> seen)
    {
        var names = seen.Select(s => (string)s.Values["deny_id"]!).ToHashSet(StringComparer.Ordinal);
        return seen.Count == 0 ? base.Lift(primary, subject, seen) : base.Lift(primary, subject, [.. seen, .. Denied.Standing(primary, subject).Where(d => !names.Contains(d))
            .Select(deny => seen[0] with { Id = $"{seen[0].Id}/{deny}", Values = new Dictionary<string, object?>(seen[0].Values, StringComparer.Ordinal) { ["deny_id"] = deny } })]);
    }
}
