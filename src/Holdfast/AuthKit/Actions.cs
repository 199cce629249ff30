using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Organizations;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A question to an action: may this person sign up, or sign in?</summary>
/// <param name="Type">Of the endpoint.</param>
/// <param name="ExecutionId">Names this asking.</param>
/// <param name="UserId">Of whom; of a sign-up, whom it would make.</param>
/// <param name="Context">What is posted.</param>
internal sealed record ActionQuestion(ActionEndpoint Endpoint, string Type, string ExecutionId, string UserId, string? OrganizationId, string? Email, byte[] Context)
{
    /// <summary>Two askings about the same thing are one.</summary>
    public string Key => $"{Type}\n{Endpoint.Id}\n{UserId}\n{OrganizationId}";
}

/// <summary>What an action said.</summary>
/// <param name="Message">For the person; null when it said none.</param>
internal sealed record ActionVerdict(bool IsAllowed, string? Message, string ExecutionId);

/// <summary>Asks the application's own endpoint before somebody is signed up or signed in (decision 0020). A decision only says that there is a question; it is asked between two decisions, so
/// that the node's writer waits for nobody.</summary>
internal sealed class Actions(
    ClusterKeys keys, OutboundHttp outbound, Dependencies dependencies, PublicAddress address, TimeProvider clock, ILogger<Actions> log)
{
    public const string Authentication = "authentication";
    public const string UserRegistration = "user_registration";

    /// <summary>How far its clock may be off.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    private const int LongestMessage = 500;

    private static readonly OutboundLimits s_limits = new(64 * 1024);

    /// <summary>The question of somebody whom this sign-in would make; the refusal, when it was answered with no; null to go on.</summary>
    public Decision<BeginSession.Outcome>? AtRegistration(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, SignInOrigin? origin)
    {
        if (signIn.Answer.Answer is not { IsNew: true } who || ActionEndpoint.Find(view, act.EnvironmentId, UserRegistration) is not { } endpoint)
        {
            return null;
        }
        if (origin is null)
        {
            return Decide.Nothing(new BeginSession.Outcome(Refused: Refusal.Denied));   // where it cannot be asked, nobody is made past it
        }
        var user = Made(signIn.Changes, act, who.UserId);
        var context = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["object"] = "user_registration_action_context",
            ["user_data"] = new { @object = "user_data", email = user.KnownEmail, name = user.ToBody().Name, first_name = user.FirstName, last_name = user.LastName },
        };
        return Decided(view, act, endpoint, who, user.KnownEmail, context, method, origin);
    }

    /// <summary>The question of somebody who is about to be signed in, in the organization of the sign-in.</summary>
    public Decision<BeginSession.Outcome>? AtAuthentication(View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, SignInOrigin? origin)
    {
        if (origin is null || signIn.Answer.Answer is not { } who || ActionEndpoint.Find(view, act.EnvironmentId, Authentication) is not { } endpoint)
        {
            return null;
        }
        var user = UserStore.Find(view, act.EnvironmentId, who.UserId) ?? Made(signIn.Changes, act, who.UserId);
        var context = new Dictionary<string, object?>(StringComparer.Ordinal) { ["object"] = "authentication_action_context", ["user"] = user.ToBody() };
        if (who.OrganizationId is { } organizationId && OrganizationStore.Find(view, act.EnvironmentId, organizationId) is { } organization)
        {
            context["organization"] = OrganizationStore.Body(view, organization);
            if (MembershipStore.Find(view, act.EnvironmentId, Memberships.IdOf(act.IdKey, organizationId, who.UserId)) is { } membership)
            {
                context["organization_membership"] = membership.ToBody(user: null);
            }
        }
        return Decided(view, act, endpoint, who, user.Email ?? user.KnownEmail, context, method, origin);
    }

    private Decision<BeginSession.Outcome>? Decided(
        View view, Act act, ActionEndpoint endpoint, SignedIn who, string? email, Dictionary<string, object?> context, string method, SignInOrigin origin)
    {
        context["authentication_method"] = SignInMethod.ToAuthenticationMethod(method);
        (context["ip_address"], context["user_agent"], context["issuer"]) = (origin.Client.IpAddress, origin.Client.UserAgent, address.Url);
        var executionId = act.NewId(Ids.ActionExecution, endpoint.Id);
        context["id"] = executionId;
        var posted = context.Where(c => c.Value is not null).ToDictionary(c => c.Key, c => c.Value, StringComparer.Ordinal);
        var question = new ActionQuestion(endpoint, endpoint.Type, executionId, who.UserId, who.OrganizationId, email, JsonSerializer.SerializeToUtf8Bytes(posted, JavaScriptJson.Options));
        return origin.Said(question) switch
        {
            null => Decide.Nothing(new BeginSession.Outcome(Question: question)),
            { IsAllowed: true } => null,
            var no => Decide.To(new BeginSession.Outcome(Refused: Refusal.Denied, Message: no.Message ?? "This person may not sign in."), Denied(act, question, no.ExecutionId, origin)),
        };
    }

    private static Change Denied(Act act, ActionQuestion question, string executionId, SignInOrigin origin)
    {
        var data = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["action_endpoint_id"] = question.Endpoint.Id, ["action_execution_id"] = executionId, ["type"] = question.Type, ["verdict"] = "Deny",
        };
        if (question.Type == Authentication)
        {
            data["user_id"] = question.UserId;
        }
        (data["organization_id"], data["email"], data["ip_address"], data["user_agent"]) = (question.OrganizationId, question.Email ?? "", origin.Client.IpAddress, origin.Client.UserAgent);
        return EventRow.Of($"action.{question.Type}.denied", data, act.EnvironmentId, act.IdKey, executionId, act.Now);
    }

    /// <summary>A user whom the decision would make, as it would make them.</summary>
    private static UserRow Made(IReadOnlyList<Change> changes, Act act, string userId)
    {
        var values = changes.FirstOrDefault(c => c.Table == Schema.Users && c.Id == userId && c.Values.ContainsKey("email"))?.Values;
        string? Text(string column) => values?.GetValueOrDefault(column) as string;
        return new UserRow(userId, Text("verified_email"), Text("first_name"), Text("last_name"), act.Time, act.Time, Text("name"), Text("email"), Text("verified_email"));
    }

    /// <summary>Decides about a sign-in; where that meets a question, it is asked in between, outside the node's writer, and then it is decided anew.</summary>
    /// <param name="decide">Keeps nothing as long as its outcome is a question.</param>
    public async Task<T> DecideAsync<T>(SignInOrigin origin, Func<Task<T>> decide, Func<T, BeginSession.Outcome?> read, CancellationToken ct)
    {
        const int MostQuestions = 3;   // whether they may sign up, whether they may sign in; and once more, when somebody else was first meanwhile
        var decided = await decide();
        for (var questions = 0; questions < MostQuestions && read(decided)?.Question is { } question; questions++)
        {
            origin.Say(question, await AskAsync(question, ct));
            decided = await decide();
        }
        return decided;
    }

    /// <summary>Asks. Whatever becomes of it is an answer: one that is late, broken, unsigned or refused by the guard is what the endpoint's own setting says.</summary>
    private async Task<ActionVerdict> AskAsync(ActionQuestion question, CancellationToken ct)
    {
        var (endpoint, now) = (question.Endpoint, clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
        var secret = endpoint.Secret(keys);
        string why;
        try
        {
            var answer = await outbound.PostJsonAsync(
                Dependency(endpoint), new Uri(endpoint.EndpointUrl), question.Context, [KeyValuePair.Create("WorkOS-Signature", $"t={now}, v1={Sign(secret, $"{now}.", question.Context)}")], s_limits, ct);
            var (verdict, fault) = Read(answer, question, secret);
            if (verdict is not null)
            {
                return verdict;
            }
            why = fault!;
        }
        catch (DependencyUnavailableException away)
        {
            why = away.How;
        }
        catch (OutboundAnswerException wrong)
        {
            why = wrong.Fault.ToString();
        }
        AuthKitLog.ActionUnanswered(log, endpoint.Id, why);
        return new ActionVerdict(endpoint.WhenUnreachable == ActionEndpoint.Allow, null, question.ExecutionId);
    }

    /// <summary>An endpoint's verdict, if it is one: signed over what it says, by the shared secret.</summary>
    private (ActionVerdict? Verdict, string? Fault) Read(OutboundAnswer answer, ActionQuestion question, byte[] secret)
    {
        if (answer.Status is < 200 or > 299)
        {
            return (null, $"status {answer.Status}");
        }
        try
        {
            using var json = JsonDocument.Parse(answer.Body, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            var payload = json.RootElement.GetProperty("payload");
            var timestamp = payload.GetProperty("timestamp").GetInt64();
            // Over the payload as JavaScript writes it again, its keys in the order in which they came.
            var signed = JsonSerializer.SerializeToUtf8Bytes(payload, JavaScriptJson.Options);
            if (json.RootElement.GetProperty("object").GetString() != $"{question.Type}_action_response"
                || !CryptographicOperations.FixedTimeEquals(
                    Encoding.UTF8.GetBytes(json.RootElement.GetProperty("signature").GetString() ?? ""), Encoding.ASCII.GetBytes(Sign(secret, string.Create(CultureInfo.InvariantCulture, $"{timestamp}."), signed))))
            {
                return (null, "signature");
            }
            if ((clock.GetUtcNow().ToUnixTimeMilliseconds() - (double)timestamp) is var age && Math.Abs(age) > Tolerance.TotalMilliseconds)
            {
                return (null, "timestamp");
            }
            var verdict = payload.GetProperty("verdict").GetString() ?? "";
            var isAllowed = verdict.Equals("allow", StringComparison.OrdinalIgnoreCase);
            if (!isAllowed && !verdict.Equals("deny", StringComparison.OrdinalIgnoreCase))
            {
                return (null, "verdict");
            }
            var message = !isAllowed && payload.TryGetProperty("error_message", out var said) && said.ValueKind == JsonValueKind.String && said.GetString() is { Length: > 0 and <= LongestMessage } text ? text : null;
            return (new ActionVerdict(isAllowed, message, question.ExecutionId), null);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return (null, "shape");
        }
    }

    private static string Sign(byte[] secret, string before, byte[] body) => Convert.ToHexStringLower(HMACSHA256.HashData(secret, (byte[])[.. Encoding.ASCII.GetBytes(before), .. body]));

    private Dependency Dependency(ActionEndpoint endpoint) => dependencies.GetOrAdd(
        Catalogue.Action.Of(endpoint.Id), clock);
}
