using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Peers;

/// <summary>A question of another node, and the answer under this node's signature.</summary>
internal static class SignedAnswer
{
    /// <param name="answer">The answer: an <see cref="ApiAnswer"/>, or an object, which is 200; null refuses the question with 400.</param>
    /// <param name="evenIfVoid">What a life may ask that is nobody's any more; null for nothing.</param>
    public static async Task GiveAsync<T>(HttpContext http, Func<Speaker, T, Task<object?>> answer, Func<T, bool>? evenIfVoid = null) where T : class
    {
        if (http.RequestServices.GetRequiredService<PeerGate>().Admit(http) is not { } entry)
        {
            await ApiError.Unauthorized.ExecuteAsync(http);
            return;
        }
        var (body, refusal) = await PeerGate.ReadBodyAsync(http, entry, PeerJson.MaxBytes);
        if (body is null)
        {
            await refusal!.ExecuteAsync(http);
            return;
        }
        var question = PeerJson.Read<T>(body);
        if (entry.IsVoid && (question is null || evenIfVoid?.Invoke(question) is not true))
        {
            await ApiError.Unauthorized.ExecuteAsync(http);
            return;
        }
        var given = question is not null ? await TryAsync(http, () => answer(entry.From, question)) : null;
        await WriteAsync(http, entry, given switch
        {
            null => ApiError.OfStatus(StatusCodes.Status400BadRequest),
            ApiAnswer made => made,
            _ => ApiAnswer.Ok(PeerJson.Write(given)),
        });
    }

    /// <summary>What is away here is told to the asker as to anybody, but under our signature: it has reached the right node.</summary>
    private static async Task<object?> TryAsync(HttpContext http, Func<Task<object?>> work)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            return ApiError.Unavailable("stopping", "The node is stopping.", retryAfter: 1);
        }
        catch (StorageUnavailableException away)
        {
            return ApiError.Unavailable("node_unavailable", away.Message, retryAfter: 1);
        }
        catch (Exception fault) when (fault is FormatException or System.Text.Json.JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            return null;   // a value that is none, deeper than the question's shape: a version, a position
        }
    }

    private static Task WriteAsync(HttpContext http, PeerGate.Entry entry, ApiAnswer answer)
    {
        var bytes = answer.Bytes ?? [];
        foreach (var (name, value) in http.RequestServices.GetRequiredService<PeerVoice>().SignAnswer(entry.Nonce, answer.Status, "", "", bytes))
        {
            http.Response.Headers[name] = value;
        }
        return new ApiAnswer(answer.Status, bytes) { RetryAfter = answer.RetryAfter }.ExecuteAsync(http);
    }
}
