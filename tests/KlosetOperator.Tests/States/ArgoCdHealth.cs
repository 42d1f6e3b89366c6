using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KlosetOperator.Tests.States;

/// <summary>What Argo CD's health script says of objects, by a real Lua.</summary>
internal static class ArgoCdHealth
{
    /// <returns>`Status: message`, in the order of the objects; null without `lua` on the PATH.</returns>
    public static IReadOnlyList<string>? Of(string script, IReadOnlyList<JsonObject> entities)
    {
        // As Argo CD does: the object is the global `obj`, and the chunk returns the health.
        var program = new StringBuilder("local check = loadfile(arg[1])\n");
        foreach (var entity in entities)
        {
            program.Append("obj = ");
            Write(program, entity);
            program.Append("\ndo local health = check(); print(health.status .. ': ' .. (health.message or '')) end\n");
        }

        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, program.ToString());
            using var process = Process.Start(new ProcessStartInfo("lua", [file, script]) { RedirectStandardOutput = true })!;
            var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            process.WaitForExit();
            Assert.Equal(entities.Count, lines.Length);
            return lines;
        }
        catch (Win32Exception)
        {
            return null;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Write(StringBuilder program, JsonNode? node)
    {
        switch (node)
        {
            case null:
                program.Append("nil");
                break;
            case JsonObject members:
                program.Append('{');
                foreach (var (name, value) in members)
                {
                    program.Append("[\"").Append(name).Append("\"]=");
                    Write(program, value);
                    program.Append(',');
                }

                program.Append('}');
                break;
            case JsonArray items:
                program.Append('{');
                foreach (var item in items)
                {
                    Write(program, item);
                    program.Append(',');
                }

                program.Append('}');
                break;
            default:
                program.Append(node.GetValueKind() == JsonValueKind.String ? Quoted(node.GetValue<string>()) : node.ToJsonString());
                break;
        }
    }

    private static string Quoted(string text) => "\"" + string.Concat(text.Select(letter => letter is '"' or '\\' ? "\\" + letter : letter is '\n' ? "\\n" : letter.ToString())) + "\"";
}
