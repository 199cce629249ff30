using System.Globalization;
using Holdfast.Storage;

namespace Holdfast.Http;

/// <summary>A page of a list: <c>limit</c>, <c>order</c>, and one cursor, which is the id of the element at the boundary.</summary>
/// <remarks>The order is total (created_at, then id), so what is inserted meanwhile moves nothing that a reader has seen or will see.</remarks>
/// <param name="Ascending">Oldest first.</param>
/// <param name="Backwards">The page lies before the cursor in the list's order.</param>
public sealed record Page(int Limit, bool Ascending, string? Cursor, bool Backwards)
{
    public const int MostPerPage = 100;
    private const int PerPage = 10;

    /// <summary>Reads the query; unknown parameters are ignored.</summary>
    public static (Page? Page, ApiAnswer? Refusal) Read(HttpContext http)
    {
        var query = http.Request.Query;
        var faults = new List<ApiError.FieldFault>();
        var limit = PerPage;
        if (query["limit"].ToString() is { Length: > 0 } text
            && (!text.All(char.IsAsciiDigit) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostPerPage))
        {
            faults.Add(new("limit", "out_of_range"));
        }
        var order = query["order"].ToString();
        if (order is not ("" or "desc" or "asc" or "normal"))
        {
            faults.Add(new("order", "invalid"));
        }
        var (before, after) = (query["before"].ToString(), query["after"].ToString());
        if (before.Length > 0 && after.Length > 0)
        {
            faults.Add(new("before", "exclusive_with_after"));
        }
        if (before.Length > 128 || after.Length > 128)
        {
            faults.Add(new(before.Length > 128 ? "before" : "after", "invalid"));
        }
        // "normal" is descending with the cursors' meaning turned round: before fetches what is older.
        var backwards = before.Length > 0 ? order != "normal" : after.Length > 0 && order == "normal";
        return faults.Count > 0
            ? (null, ApiError.Validation(faults))
            : (new Page(limit, order == "asc", before.Length > 0 ? before : after.Length > 0 ? after : null, backwards), null);
    }

    /// <summary>The SQL that selects this page from rows that have <c>created_at</c> and <c>id</c>; one row more than the page shows whether there is another.</summary>
    /// <param name="select">Up to and with its WHERE clause. Its parameters may not be named @page_…</param>
    public string Sql(string select)
    {
        var up = Ascending != Backwards;
        var boundary = Cursor is null ? "" : $" AND (created_at, id) {(up ? ">" : "<")} (@page_time, @page_id)";
        return $"{select}{boundary} ORDER BY created_at {(up ? "ASC" : "DESC")}, id {(up ? "ASC" : "DESC")} LIMIT {Limit + 1}";
    }

    /// <summary>The SQL's parameters: the cursor's place in the order, and the filters.</summary>
    /// <remarks>A cursor that is not an id of this environment's list is before nothing and after nothing: the page is empty, and tells nobody anything.</remarks>
    /// <param name="table">The table that the cursor's row is in; deleted rows keep their place.</param>
    public Dictionary<string, object?> Parameters(View view, string table, string environmentId, object? filters = null)
    {
        var parameters = (filters?.GetType().GetProperties() ?? []).ToDictionary(p => p.Name, p => p.GetValue(filters), StringComparer.Ordinal);
        parameters["environmentId"] = environmentId;
        if (Cursor is not null)
        {
            var at = view.Find<long?>($"SELECT created_at FROM {table} WHERE id = @Cursor AND environment_id = @environmentId", new { Cursor, environmentId });
            var up = Ascending != Backwards;
            parameters["page_time"] = at ?? (up ? long.MaxValue : long.MinValue);
            parameters["page_id"] = Cursor;
        }
        return parameters;
    }

    /// <summary>Puts what the SQL found into the list's order and shape.</summary>
    public ListBody<TOut> Answer<TRow, TOut>(IReadOnlyList<TRow> found, Func<TRow, string> id, Func<TRow, TOut> write)
    {
        var more = found.Count > Limit;
        var rows = found.Take(Limit).ToList();
        if (Backwards)
        {
            rows.Reverse();
        }
        var (hasBefore, hasAfter) = Backwards ? (more, Cursor is not null) : (Cursor is not null, more);
        return new ListBody<TOut>("list", [.. rows.Select(write)], new ListMetadata(
            hasBefore && rows.Count > 0 ? id(rows[0]) : null,
            hasAfter && rows.Count > 0 ? id(rows[^1]) : null));
    }
}

/// <summary>A list on the wire.</summary>
public sealed record ListBody<T>(string Object, IReadOnlyList<T> Data, ListMetadata ListMetadata);

/// <summary>The cursors of a list; null where it ends. SDKs go on until <c>after</c> is null.</summary>
public sealed record ListMetadata(string? Before, string? After);
