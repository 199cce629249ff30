using Holdfast.AuthKit;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.MultiFactor;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody who is signed in sets up an app.</summary>
internal class EnrollAppOperation : PersonOperation
{
    public override string Name => "enroll-app";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions.FindAll(s => s.Whose != actor.Ledger.People.Attacker), 10) is { } session)
        {
            var answer = await actor.AskAsync(Name, (products, key) => EnrollAsync(actor, products, Name, key, session.Whose, session.Token.UserId));
            Tell(actor, answer);
        }
    }

    /// <summary>As the API does it for a user.</summary>
    protected static async Task<Ruling<App>> EnrollAsync(Actor actor, Products products, string what, string key, Person who, string userId)
    {
        var ruling = await Desk.RecordAsync(actor, products, what, key, (view, act) =>
        {
            var id = Ids.Derived(Ids.Factor, act.IdKey, key, act.Incarnation);
            var secret = ClusterKeys.Mac(act.Random, "totp-secret", id)[..Totp.SecretBytes];
            var app = new App(who, userId, id, secret, products.Node, products.Node.DisksLost);
            return Factor.Find(view, act.EnvironmentId, id) is not null ? Rule.Grant(app)
                : UserStore.Find(view, act.EnvironmentId, userId) is null ? Rule.Refuse<App>(Refusal.NotFound)
                : Factor.Of(view, act.EnvironmentId, userId, Factor.Totp).Count >= Factor.MostOfType ? Rule.Refuse<App>(Refusal.TooMany)
                : Rule.Grant(app, Factor.Make(
                    act, id, userId, Factor.Totp, products.Keys.SealAtRest(Factor.PlaceOf(id), secret), new Factor.TotpDetails("Simulated", who.Main), Proof.Administrator));
        });
        if (ruling.Answer is { } made)
        {
            actor.Ledger.People.Apps.Add(made);
        }
        return ruling;
    }
}

/// <summary>Somebody has ten recovery codes made, in place of those that they had.</summary>
internal sealed class MakeRecoveryCodesOperation : PersonOperation
{
    public override string Name => "make-recovery-codes";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Apps, 4) is not { } app)
        {
            return;
        }
        Tell(actor, await actor.AskAsync(Name, async (products, key) =>
        {
            var made = (Change?)null;
            var ruling = await Desk.RecordAsync(actor, products, Name, key, (view, act) =>
            {
                var decision = RecoveryCodes.Make(view, act, app.UserId, Proof.Administrator, Ids.Derived(Ids.Factor, act.IdKey, key, act.Incarnation));
                made = decision.Changes.FirstOrDefault(c => c.Table == Schema.Factors);
                return decision;
            });
            if (ruling.Answer is { } codes && made is not null)
            {
                actor.Ledger.People.Papers.Add(new Paper(app.Whose, app.UserId, made.Id, codes, System.Text.Json.JsonSerializer.Deserialize<List<string>>((string)made.Values["replaces"]!)!));
            }
            return ruling;
        }));
    }
}

/// <summary>A factor is taken away: who was let in by it is out.</summary>
internal sealed class TakeFactorAwayOperation : PersonOperation
{
    public override string Name => "take-factor-away";

    public override async Task RunAsync(Actor actor)
    {
        var ids = actor.Ledger.People.Apps.Select(a => a.FactorId).Concat(actor.Ledger.People.Devices.Select(d => d.FactorId)).ToList();
        if (Recent(actor, ids, 10) is { } id)
        {
            Tell(actor, await actor.AskAsync(Name, (products, key) => Desk.RecordAsync(actor, products, Name, key, (view, act) =>
                Factor.Find(view, act.EnvironmentId, id) is null ? Rule.Refuse<string>(Refusal.NotFound) : Rule.Grant(id, Factor.Deleted(act, id)))));
        }
    }
}

/// <summary>Somebody goes on with a sign-in: chooses an organization, proves the mailbox, shows a factor, or sets one up first.</summary>
internal class FinishSignInOperation : EnrollAppOperation
{
    public const string ReplacedOpensNothing = "replaced-recovery-codes-open-nothing";

    public override string Name => "finish-sign-in";

    public override async Task RunAsync(Actor actor)
    {
        var people = actor.Ledger.People;
        if (Recent(actor, people.Pendings.FindAll(p => !p.IsTried && p.Try.Who != people.Attacker), 4) is not { } held)
        {
            return;
        }
        held.IsTried = true;
        if (held.Pending.Asks(PendingAuthentication.Organization))
        {
            var chosen = actor.Dice.Pick(held.Organizations);
            Take(actor, held.Try.Who, await GoOnAsync(actor, held, (view, act, key, then) => GrantByOrganization.Decide(view, act, held.Pending, chosen, key, then)));
        }
        else if (held.Pending.Asks(PendingAuthentication.Mailbox))
        {
            if (people.Mails.Find(m => m.ItemId == held.MailId) is { Owner: var owner } && owner == held.Try.Who)   // nobody else reads it
            {
                Take(actor, held.Try.Who, await GoOnAsync(actor, held, (view, act, key, then) => GrantByEmailCode.Decide(view, act, held.Pending, held.MailId, held.Code, key, then)));
            }
        }
        else
        {
            await ShowFactorAsync(actor, held);
        }
    }

    private async Task ShowFactorAsync(Actor actor, HeldPending held)
    {
        var people = actor.Ledger.People;
        if (held.Pending.Asks(PendingAuthentication.Factor) && actor.Dice.Chance(0.3) && Recent(actor, people.Papers.FindAll(p => p.UserId == held.Pending.UserId), 3) is { } paper)
        {
            Take(actor, held.Try.Who, await ShowAsync(actor, held, "", actor.Dice.Pick(paper.Codes)));
            return;
        }
        var app = held.Pending.Asks(PendingAuthentication.Enrollment)
            ? (await actor.AskAsync("enroll-app", (products, key) => EnrollAsync(actor, products, "enroll-app", key, held.Try.Who, held.Pending.UserId))).Value?.Answer
            : people.Apps.FindLast(a => held.Pending.FactorIds!.Contains(a.FactorId, StringComparer.Ordinal));
        if (app is not null)
        {
            Take(actor, held.Try.Who, await ShowAsync(actor, held, app.FactorId, Totp.Code(app.Secret, Totp.StepAt(Time.World.Start + actor.Cluster.World.Now))));
        }
    }

    /// <summary>At the node that issued the half-done sign-in.</summary>
    private Task<Answer<Ruling<RefreshToken>>> GoOnAsync(
        Actor actor, HeldPending held, Func<View, Act, string, BeginSession.Ending, Decision<BeginSession.Outcome>> decide) => actor.AskAsync(Name, async (products, key) =>
        await Desk.AtAuthorityAsync(actor, products, Name, held.Pending.Authority, async authority =>
        {
            var ruling = await Desk.StartAsync(actor, authority, Name, key, held.Try with { IsProven = true }, (view, act, then) => decide(view, act, key, then));
            if (ruling.Refused is null)
            {
                Granted(actor, authority, held.Pending.Id, key);
            }
            return ruling;
        }) ?? new(null, Refusal.ItemElsewhere));

    /// <summary>Shows a code of an app, or one from paper.</summary>
    /// <param name="factorId">Empty for one from paper.</param>
    protected Task<Answer<Ruling<RefreshToken>>> ShowAsync(Actor actor, HeldPending held, string factorId, string code, Person? thief = null) => actor.AskAsync(Name, async (products, key) =>
        await Desk.AtAuthorityAsync(actor, products, Name, held.Pending.Authority, authority => ShowAsync(actor, authority, key, held, factorId, code, thief)) ?? new(null, Refusal.ItemElsewhere));

    private async Task<Ruling<RefreshToken>> ShowAsync(Actor actor, Products products, string key, HeldPending held, string factorId, string code, Person? thief)
    {
        var (people, request) = (actor.Ledger.People, $"{actor.Mark} {key}");
        var isPaper = factorId.Length == 0;
        if (isPaper)
        {
            request = $"recovery {held.Pending.Id}";
            // Before it is asked: what comes while another node decides was not known to whoever looked for the set.
            var known = people.Papers.FindAll(p => p.UserId == held.Pending.UserId
                && products.Database.Read(view => view.Find<long>("SELECT count(*) FROM factors WHERE id = @SetId", new { p.SetId })) > 0);
            var (verdict, set) = await products.OneTimeCodes.TakeRecoveryAsync(Ground.Environment, held.Pending.UserId, code, request, CancellationToken.None);
            if (verdict != CodeVerdict.Right)
            {
                return new(null, verdict == CodeVerdict.Used ? Refusal.ItemSpent : verdict == CodeVerdict.Unavailable ? Refusal.ItemElsewhere : Refusal.WrongCredential);
            }
            factorId = set!.Id;
            if (known.Find(p => p.Replaced.Contains(factorId, StringComparer.Ordinal)) is { } newer)
            {
                people.Faults.Add((ReplacedOpensNothing, $"{products.Node.Name} took a code of {factorId}, and has {newer.SetId}, which replaced it"));
            }
        }
        else
        {
            var factor = products.Database.Read(view => Factor.Find(view, Ground.Environment, factorId));
            var verdict = factor is null ? CodeVerdict.Wrong : await products.OneTimeCodes.TakeStepAsync(Ground.Environment, factor, code, request, CancellationToken.None);
            if (verdict != CodeVerdict.Right)
            {
                return new(null, verdict == CodeVerdict.Used ? Refusal.ItemSpent : verdict == CodeVerdict.Unavailable ? Refusal.ItemElsewhere : Refusal.WrongCredential);
            }
        }
        Granted(actor, products, $"{factorId} {code}", request);
        people.Shown.Add((held, isPaper ? "" : factorId, code));
        var ruling = await Desk.StartAsync(actor, products, Name, key, held.Try with { Who = thief ?? held.Try.Who, IsProven = true },
            (view, act, then) => GrantByFactor.Decide(view, act, held.Pending, factorId, key, then));
        if (ruling.Refused is null)
        {
            Granted(actor, products, held.Pending.Id, key);
        }
        return ruling;
    }
}

/// <summary>Somebody who looked on shows a code that was taken a second time, with the half-done sign-in that it was shown to, or with another of the same person: anywhere.</summary>
internal sealed class ReplayFactorOperation : FinishSignInOperation
{
    public override string Name => "attack-used-factor";

    public override async Task RunAsync(Actor actor)
    {
        var people = actor.Ledger.People;
        if (people.Shown.Count == 0)
        {
            return;
        }
        var (pending, factorId, code) = people.Shown[^(1 + actor.Dice.Below(Math.Min(5, people.Shown.Count)))];
        var held = people.Pendings.FindLast(p => p.Pending.UserId == pending.Pending.UserId && p.Pending.Asks(PendingAuthentication.Factor)) ?? pending;
        Take(actor, people.Attacker, await ShowAsync(actor, actor.Dice.Chance(0.5) ? held : pending, factorId, code, people.Attacker));
    }
}
