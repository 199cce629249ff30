using Holdfast.AuthKit;
using Holdfast.Environments;
using Holdfast.Simulation.Disk;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Planted;

/// <summary>A bug that is put in from outside, to see whether the simulation finds it. No code of the product knows of it. One is made for each cluster.</summary>
internal abstract class PlantedBug
{
    /// <summary>All of them, by name.</summary>
    public static IReadOnlyDictionary<string, Func<PlantedBug>> All { get; } = new Dictionary<string, Func<PlantedBug>>(StringComparer.Ordinal)
    {
        ["skip-fsync"] = () => new SkipFsync(),
        ["primary-skips-fsync"] = () => new PrimarySkipsFsync(),
        ["same-life-on-an-empty-disk"] = () => new SameLifeOnEmptyDisk(),
        ["join-keeps-what-it-holds"] = () => new JoinKeepsWhatItHolds(),
        ["later-takes-what-comes-last"] = () => new LaterTakesWhatComesLast(),
        ["first-is-overwritten"] = () => new FirstIsOverwritten(),
        ["greatest-takes-what-comes-last"] = () => new GreatestTakesWhatComesLast(),
        ["claim-ignores-the-term"] = () => new ClaimIgnoresTheTerm(),
        ["others-overwrite-what-is-pending"] = () => new OthersOverwriteWhatIsPending(),
        ["receipt-before-the-disk"] = () => new ReceiptBeforeTheDisk(),
        ["snapshot-without-its-tail"] = () => new SnapshotWithoutItsTail(),
        ["snapshot-position-too-new"] = () => new SnapshotPositionTooNew(),
        ["ships-nothing-for-others"] = () => new ShipsNothingForOthers(),
        ["deny-lost-on-shipping"] = () => new DenyLostOnShipping(),
        ["offer-acknowledged-and-lost"] = () => new OfferAcknowledgedAndLost(),
        ["write-does-not-wait-for-the-replica"] = () => new WriteDoesNotWaitForTheReplica(),
        ["lost-tail-is-not-noticed"] = () => new LostTailIsNotNoticed(),
        ["answer-before-commit"] = () => new AnswerBeforeCommit(),
        ["fact-waits-for-the-primary"] = () => new FactWaitsForThePrimary(),
        ["retry-as-new"] = () => new RetryAsNew(),
        ["any-node-redeems"] = () => new AnyNodeRedeems(),
        ["lift-by-time"] = () => new LiftByTime(),
        ["random-successor"] = () => new RandomSuccessor(),
        ["reset-replaces-nothing"] = () => new ResetReplacesNothing(),
        ["unproven-password-counts"] = () => new UnprovenPasswordCounts(),
        ["spend-is-not-kept"] = () => new SpendIsNotKept(),
        ["silence-is-a-yes"] = () => new SilenceIsAYes(),
        ["user-id-by-node"] = () => new UserIdByNode(),
        ["sign-up-claims-at-once"] = () => new SignUpClaimsAtOnce(),
        ["repeat-is-not-known"] = () => new RepeatIsNotKnown(),
        ["enrolled-app-is-not-asked-for"] = () => new EnrolledAppIsNotAskedFor(),
        ["recovery-codes-replace-nothing"] = () => new RecoveryCodesReplaceNothing(),
        ["passkey-count-is-not-kept"] = () => new PasskeyCountIsNotKept(),
        ["sent-mail-is-not-noted"] = () => new SentMailIsNotNoted(),
        ["invitation-is-not-claimed"] = () => new InvitationIsNotClaimed(),
        ["switch-without-a-membership"] = () => new SwitchWithoutMembership(),
        ["unproven-password-is-vouched-for"] = () => new UnprovenPasswordIsVouchedFor(),
        ["session-row-is-not-its-token"] = () => new SessionRowIsNotItsToken(),
    };

    /// <summary>A machine gets its disk.</summary>
    public virtual void Prepare(SimulatedDisk disk, string machine)
    {
    }

    /// <summary>A process starts.</summary>
    public virtual Surroundings Around(Surroundings surroundings, Machine machine) => surroundings;

    /// <summary>The primary, as a node reaches it.</summary>
    public virtual IPrimary Primary(IPrimary primary, Node node) => primary;

    /// <summary>A peer, as a node reaches it.</summary>
    public virtual IPeer Peer(IPeer peer, Node node) => peer;

    /// <summary>A node keeps a fact, and then answers.</summary>
    public virtual Task<(T Answer, int Copies)> RecordAsync<T>(Products products, World world, Func<View, Decision<T>> decide) =>
        products.Database.RecordCopiedAsync(view => Spoil(decide(view)));

    /// <summary>What a node decided, before it is kept.</summary>
    protected virtual Decision<T> Spoil<T>(Decision<T> decision) => decision;

    /// <summary>What the primary decided about people, before it is kept.</summary>
    public virtual Decision<T> AtPrimary<T>(Decision<T> decision) => decision;

    /// <summary>The key that a client sends when it tries for the so-manieth time.</summary>
    public virtual string Key(string key, int attempt) => key;

    /// <summary>A node redeems a code that was shown to it.</summary>
    public virtual Task<Redemption?> RedeemAsync(Products products, string code, string request) => products.SignIns.RedeemAsync(
        new ShownCode(code, Ground.RedirectUri, null, ByPublicClient: false), new OAuthClients.Client(Ground.Client, Ground.Environment, null), request, products.Ids,
        (_, redemption) => Decide.Nothing<Redemption?>(redemption));

    /// <summary>The primary lifts the denies that somebody saw.</summary>
    public virtual Decision<IReadOnlyList<Change>> Lift(View primary, string subject, IReadOnlyList<Change> seen) => Decide.To(seen, seen);

    /// <summary>What a node decides by, besides the state.</summary>
    public virtual Act Act(Act act, Products products) => act;

    /// <summary>A node goes on with a session.</summary>
    /// <param name="organizationId">Where it acts from now on; null to stay.</param>
    public virtual Decision<Ruling<RefreshToken>> Refresh(View view, Act act, Products products, RefreshToken token, string? organizationId) =>
        GrantByRefreshToken.Decide(view, act, products.Freshness, token, products.RefreshTokens.KeyOf(Ground.Environment), organizationId);

    /// <summary>A node hands out the next refresh token.</summary>
    public virtual RefreshToken Successor(RefreshToken next, Products products) => next;
}

/// <summary>As shipped.</summary>
internal sealed class NoBug : PlantedBug;
