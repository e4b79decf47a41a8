using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>Statements are parsed once. SQLite parses a statement anew at every run when a parameter stands alone behind LIMIT or OFFSET, since its plan takes the number into account; behind an expression it does not.</summary>
public sealed partial class SessionTests
{
    private const int Parsed = 5; // SQLITE_STMTSTATUS_REPREPARE

    [Theory]
    [InlineData("SELECT value FROM t WHERE value>$1 ORDER BY value LIMIT $2+0", 0)]
    [InlineData("SELECT value FROM t WHERE value>$1 ORDER BY value LIMIT $2", 10)]
    public void A_limit_that_is_an_expression_leaves_a_statement_as_it_was_parsed(string text, int parsed)
    {
        var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        connection.Handle!.enable_sqlite3_next_stmt(true);
        using var session = new Session(connection, "memory");
        session.Execute("CREATE TABLE t (value INTEGER PRIMARY KEY); INSERT INTO t VALUES (1),(2),(3)");
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(2, session.Scalar(text, 1L, 5L));
        }

        var statement = SQLitePCL.raw.sqlite3_next_stmt(connection.Handle, null);
        while (SQLitePCL.raw.sqlite3_sql(statement).utf8_to_string() != text)
        {
            statement = SQLitePCL.raw.sqlite3_next_stmt(connection.Handle, statement);
        }

        Assert.Equal(parsed, SQLitePCL.raw.sqlite3_stmt_status(statement, Parsed, 0));
    }

    [Fact]
    public void No_statement_has_a_parameter_alone_for_its_limit() =>
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(ReviewedText.Root, "src"), "*.cs", SearchOption.AllDirectories), file => Alone().IsMatch(File.ReadAllText(file)));

    [GeneratedRegex(@"(LIMIT|OFFSET) \$[0-9]+(?![0-9+])")]
    private static partial Regex Alone();
}
