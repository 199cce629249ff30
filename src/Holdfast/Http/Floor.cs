using Holdfast.Storage;
using Holdfast.Storage.Replication;

namespace Holdfast.Http;

/// <summary>What every request goes through: an id, headers, the API key, the limit, and one place that turns outages and faults into answers.</summary>
public static class Floor
{
    private const string RequestIdHeader = "X-Request-ID";

    /// <summary>Older than this, what the replica says is labelled as stale (law 6).</summary>
    public static readonly TimeSpan FreshEnough = TimeSpan.FromSeconds(5);

    /// <summary>Puts the floor under all endpoints.</summary>
    /// <param name="place">Finds out under whose name a request came; answers what is not for that name. May read the disk.</param>
    public static void UseFloor(this WebApplication app, Func<HttpContext, IResult?> place)
    {
        app.UseRouting();
        app.Use((http, next) => HandleAsync(http, place, next));
    }

    private static async Task HandleAsync(HttpContext http, Func<HttpContext, IResult?> place, RequestDelegate next)
    {
        var services = http.RequestServices;
        http.TraceIdentifier = RequestId(http, services.GetRequiredService<Ids>());
        http.Response.OnStarting(WriteHeaders, http);
        try
        {
            if (place(http) is { } elsewhere)
            {
                await elsewhere.ExecuteAsync(http);
                return;
            }
            if (Admit(http, services) is { } refusal)
            {
                await refusal.ExecuteAsync(http);
                return;
            }
            await next(http);
            if (!http.Response.HasStarted && http.Response.StatusCode >= 400 && http.Response.ContentLength is null && http.Response.ContentType is null)
            {
                await ApiError.OfStatus(http.Response.StatusCode).ExecuteAsync(http);
            }
        }
        catch (Exception fault) when (!http.Response.HasStarted)
        {
            var answer = Answer(fault, http);
            await (IsPage(http) ? (IResult)PageOf(answer, http) : answer).ExecuteAsync(http);
        }
    }

    private static ApiAnswer? Admit(HttpContext http, IServiceProvider services)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<ApiKeyRequired>() is null)
        {
            return null;
        }
        if (Caller.Find(http, services.GetRequiredService<Database>()) is not { } caller)
        {
            return ApiError.Unauthorized;
        }
        if (!ServedUnder.Allows(http, caller.EnvironmentId))
        {
            return ApiError.Unauthorized;
        }
        http.Features.Set(caller);
        var limits = services.GetRequiredService<RateLimits>();
        var wait = limits.Count(RateLimits.PerApiKey, caller.ApiKeyId);
        if (wait is null && http.Request.Path.StartsWithSegments("/user_management", StringComparison.Ordinal))
        {
            wait = limits.Count(HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method) ? RateLimits.PeopleReads : RateLimits.PeopleWrites, caller.EnvironmentId);
        }
        return wait is { } seconds ? ApiError.TooManyRequests(seconds) : null;
    }

    /// <summary>Outages are 503, what the server could not read is 4xx, and everything else is a bug: 500, in the log by its request id, without details.</summary>
    private static ApiAnswer Answer(Exception fault, HttpContext http)
    {
        switch (fault)
        {
            case PrimaryUnavailableException primary:
                return ApiError.Unavailable("primary_unavailable",
                    $"Changes cannot be saved right now. {primary.Message} Sign-in goes on. Repeat the request with the same Idempotency-Key: it is done once.",
                    retryAfter: 5);
            case DataTooOldException old:
                return ApiError.Unavailable("data_too_old", old.Message, retryAfter: 60);
            case StorageUnavailableException { Code: { } code } others:
                return ApiError.Unavailable(code, others.Message, retryAfter: 1);
            case StorageUnavailableException storage:
                http.Response.Headers[NodeAnswer.Header] = NodeAnswer.Unable;
                return ApiError.Unavailable("node_unavailable", storage.Message, retryAfter: 1);
            case BusyException busy:
                return ApiError.TooManyRequests(busy.RetryAfter);
            case OverloadedException overloaded:
                return ApiError.Unavailable("overloaded", "This node has too much to do. Nothing was done; repeat the request after a moment.", overloaded.RetryAfter);
            case BadHttpRequestException bad:
                return ApiError.OfStatus(bad.StatusCode);
            case OperationCanceledException when http.RequestAborted.IsCancellationRequested:
                return ApiError.OfStatus(StatusCodes.Status408RequestTimeout);   // nobody is there to read it
            default:
                http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Holdfast.Http")
                    .LogError(new EventId(1, "UnhandledFault"), fault, "Request {RequestId} on {Endpoint} met a fault of ours", http.TraceIdentifier, http.GetEndpoint()?.DisplayName);
                return ApiError.OfStatus(StatusCodes.Status500InternalServerError);
        }
    }

    /// <summary>A person's browser asks, and not a program.</summary>
    private static bool IsPage(HttpContext http) =>
        http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase) && http.GetEndpoint()?.Metadata.GetMetadata<ApiKeyRequired>() is null;

    private static ErrorPage PageOf(ApiAnswer answer, HttpContext http)
    {
        if (answer.RetryAfter is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        return answer.Status switch
        {
            429 => new ErrorPage(429, "rate_limit_exceeded", "busy"),
            503 when answer.Body is ApiError.Coded { Code: "data_too_old" } => new ErrorPage(503, "data_too_old", "data_too_old"),
            503 when answer.Body is ApiError.Coded { Code: "overloaded" } => new ErrorPage(503, "overloaded", "busy"),
            503 => new ErrorPage(503, "unavailable", "unavailable"),
            >= 500 => new ErrorPage(answer.Status, "server_error", "server_error"),
            _ => new ErrorPage(answer.Status, "bad_request", "bad_request"),
        };
    }

    private static string RequestId(HttpContext http, Ids ids)
    {
        var theirs = http.Request.Headers[RequestIdHeader].ToString();
        return theirs.Length is > 0 and <= 128 && theirs.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? theirs : ids.New(Ids.Request);
    }

    private static Task WriteHeaders(object state)
    {
        var http = (HttpContext)state;
        var headers = http.Response.Headers;
        headers[RequestIdHeader] = http.TraceIdentifier;
        headers.TryAdd(NodeAnswer.Header, NodeAnswer.Given);
        headers.XContentTypeOptions = "nosniff";
        if (!headers.ContainsKey("Cache-Control"))
        {
            headers.CacheControl = "no-store";
        }
        if (http.RequestServices.GetRequiredService<Replicator>().Age is var age && age > FreshEnough)
        {
            headers["Holdfast-Stale"] = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{(long)age.TotalSeconds}; cause=primary");
        }
        return Task.CompletedTask;
    }
}
