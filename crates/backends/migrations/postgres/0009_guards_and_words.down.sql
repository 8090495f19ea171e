DROP FUNCTION signupflow_folded(text);
