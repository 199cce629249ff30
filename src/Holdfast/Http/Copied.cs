using System.Globalization;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Http;

/// <summary>Facts that wait for a copy on another node, and the label of the answer: how many copies there were when it was given (law 3).</summary>
internal static class Copied
{
    /// <summary>1: this node's disk alone. 2: another failure domain's too. Absent: nothing of it waits for a copy.</summary>
    public const string Header = "Holdfast-Copies";

    /// <summary>Records, and labels the answer. What endpoints record that a peer is to have is recorded by this.</summary>
    public static async Task<T> RecordAsync<T>(this Database database, HttpContext http, Func<View, Decision<T>> decide)
    {
        var (answer, copies) = await database.RecordCopiedAsync(decide);
        if (copies > 0)
        {
            http.Response.Headers[Header] = copies.ToString(CultureInfo.InvariantCulture);
        }
        return answer;
    }
}
